package customer

import "context"

// Mailer sends a letter.
type Mailer interface {
	Send(ctx context.Context, to, subject, text string) error
}
