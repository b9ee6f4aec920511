package main

import (
	"github.com/firstline/firstline/internal/customer"
)

// IdentityConfig is what can be set about who customers are.
type IdentityConfig struct {
	CustomerOnce bool `env:"FIRSTLINE_CUSTOMER_ONCE" help:"Every customer_token counts once; otherwise only those with a jti do."`
}

// openCustomers wires what is known of customers.
func (a *app) openCustomers() {
	a.customers = customer.New(a.pool, a.record, a.log, customer.Options{})
}
