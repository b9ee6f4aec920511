package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/firstline/firstline/internal/customer"
	"github.com/firstline/firstline/internal/fault"
)

// VerifyReceiptCmd checks the receipt of an erasure. It needs no server and no database.
type VerifyReceiptCmd struct {
	File    string `arg:"" help:"File with the receipt." placeholder:"FILE"`
	Key     string `required:"" help:"Public key of the server: receipt_key of GET /v1/privacy." placeholder:"KEY"`
	Subject string `help:"The company's id of the customer, or the id of the conversation: whether the receipt is for them." placeholder:"ID"`
}

// Run checks it.
func (c VerifyReceiptCmd) Run(e *env) error {
	text, err := os.ReadFile(c.File)
	if err != nil {
		return fault.Field("FILE", "unreadable", "The file %s cannot be read.", c.File)
	}
	r, err := customer.VerifyReceipt(string(text), c.Key)
	if err != nil {
		return err
	}
	if c.Subject != "" && !r.Names(c.Subject) {
		return fault.Field("subject", "another", "The receipt is genuine, but for somebody else than %s.", c.Subject)
	}
	fmt.Fprintf(e.out, "genuine: %s, asked %s, done %s\n", r.Issuer, r.Asked.Format("2006-01-02 15:04:05 MST"), r.Done.Format("2006-01-02 15:04:05 MST"))
	var names []string
	for name := range r.Counts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(e.out, "%8d %s\n", r.Counts[name], name)
	}
	return nil
}
