package main

import (
	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/customer"
	"github.com/firstline/firstline/internal/wake"
)

// IdentityConfig is what can be set about who customers are and how long what they say is kept.
type IdentityConfig struct {
	CustomerOnce bool              `env:"FIRSTLINE_CUSTOMER_ONCE" help:"Every customer_token counts once; otherwise only those with a jti do."`
	Keep         map[string]string `env:"FIRSTLINE_KEEP" help:"How long things are kept, such as conversations=365d;files=90d. What is not named is kept until somebody has it deleted." mapsep:";"`
}

func (c *IdentityConfig) validate() error {
	_, err := customer.ParseKeep(c.Keep)
	return err
}

// openCustomers wires what is known of customers.
func (a *app) openCustomers() {
	keep, _ := customer.ParseKeep(a.cfg.Keep) // validate has looked at it
	a.customers = customer.New(a.pool, a.record, a.log, customer.Options{Company: a.cfg.Company, Keep: keep, Changed: func() { a.bus.Notify(wake.Queue, "") }})
	a.desk.Register(handoff.Ticker{Name: "retention", Next: a.customers.NextSweep, Run: a.customers.Sweep})
}
