package devstack

// EnginePID is the process of a running engine, for tests that kill it behind its back.
func EnginePID(e *Engine) int { return e.current().cmd.Process.Pid }
