package audit

import "time"

// Hurry shortens how long the oracle waits for a Kafka that is away.
func (o *Oracle) Hurry(patience time.Duration) { o.patience = patience }
