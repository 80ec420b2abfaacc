package devstack

// ApachePID is the process of a running broker, for tests that see it end.
func ApachePID(b *ApacheBroker) int { return b.child.cmd.Process.Pid }
