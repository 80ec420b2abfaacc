package devstack

// EnginePID is the process of a running engine, for tests that kill it behind its back.
func EnginePID(e *Engine) int { return e.current().cmd.Process.Pid }

// ApachePID is the process of a running broker, for tests that see it end.
func ApachePID(b *ApacheBroker) int { return b.child.cmd.Process.Pid }
