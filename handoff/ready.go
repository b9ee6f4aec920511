package handoff

import "context"

// Ready is what a person will want to know about a question that an article of the collection did not answer: the fields
// that customers are asked for while they wait, as needs has them for topics.
func (d *Desk) Ready(ctx context.Context, collection string) ([]string, error) {
	var money bool
	err := d.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM shelves WHERE collection = $1 AND topic_group = 'money')`, collection).Scan(&money)
	if money {
		return []string{IntakeEmail, IntakePurchase, IntakeReference}, err
	}
	return []string{IntakeEmail, IntakeReference}, err
}
