package main

import (
	"testing"
)

func TestServeSmoke(t *testing.T) {
	db := demoDatabase(t)
	p := serve(t, settings(db))
	g := newGuest(t, p)
	wantAnswer(t, g.ask(t, p, "1", voucherQuestion), "answered", "quoted", voucherFact)
	wantAnswer(t, newGuest(t, p).ask(t, p, "1", lockerQuestion), "answered", "quoted", lockerFact)
	wantAnswer(t, newGuest(t, p).ask(t, p, "1", personWanted), "handed_off", "customer_request", "")
	wantAnswer(t, newGuest(t, p).ask(t, p, "1", unanswerable), "handed_off", "no_article", "")
}
