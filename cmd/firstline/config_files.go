package main

import (
	"fmt"

	"github.com/firstline/firstline/internal/blob"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/scan"
)

// FilesConfig says where the files of conversations are kept, and who looks for viruses.
type FilesConfig struct {
	FilesIn   string   `env:"FIRSTLINE_FILES" name:"files-in" default:"db" help:"Where files of conversations are kept: db, dir:PATH, or s3://BUCKET/PREFIX?endpoint=URL&region=NAME." placeholder:"PLACE"`
	FilesAlso []string `env:"FIRSTLINE_FILES_ALSO" name:"files-also" help:"Where files are that were kept before, until firstline files move has moved them." placeholder:"PLACE"`
	S3Key     string   `env:"FIRSTLINE_S3_KEY" name:"s3-key" help:"Access key of S3; without it AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY count." placeholder:"KEY"`
	S3Secret  string   `env:"FIRSTLINE_S3_SECRET" name:"s3-secret" help:"Secret key of S3." placeholder:"SECRET"`
	Scanner   string   `env:"FIRSTLINE_SCAN" name:"scan" help:"Virus scanner that files go through: clamd:unix:PATH or clamd:tcp:HOST:PORT." placeholder:"CLAMD"`
}

// apply opens the places and the scanner, and gives them to the record.
func (c *FilesConfig) apply(r *chat.Record) error {
	keys := blob.Keys{ID: c.S3Key, Secret: c.S3Secret}
	var o chat.FileOptions
	kinds := map[string]bool{}
	for i, where := range append([]string{c.FilesIn}, c.FilesAlso...) {
		name := "FIRSTLINE_FILES"
		if i > 0 {
			name = "FIRSTLINE_FILES_ALSO"
		}
		s, err := blob.Open(where, keys)
		if err != nil {
			return fault.Field(name, "malformed", "%v.", err)
		}
		if s == nil {
			continue // the database, which is always there
		}
		if kinds[s.Name()] {
			return fault.Field(name, "twice", "There can be one folder and one bucket at a time; move the files of one away first.")
		}
		kinds[s.Name()] = true
		if i == 0 {
			o.Store = s
		} else {
			o.Also = append(o.Also, s)
		}
	}
	clamd, err := scan.Open(c.Scanner)
	if err != nil {
		return fault.Field("FIRSTLINE_SCAN", "malformed", "%v.", err)
	}
	if clamd != nil {
		o.Scan = clamd
	}
	r.KeepFiles(o)
	return nil
}

// FilesCmd is for where files are. Its commands work beside a running server.
type FilesCmd struct {
	Move  FilesMoveCmd  `cmd:"" help:"Move every file to FIRSTLINE_FILES; what was moved stays moved when it is ended, and it can be begun again."`
	Sweep FilesSweepCmd `cmd:"" help:"Delete what lies in the folder or bucket and belongs to no conversation, as after a restored backup."`
}

// FilesMoveCmd moves files.
type FilesMoveCmd struct{}

// Run moves them all.
func (c *FilesMoveCmd) Run(e *env) error {
	a, err := open(e.ctx, e)
	if err != nil {
		return err
	}
	defer a.Close()
	n, err := a.record.MoveFiles(e.ctx, func(n int) {
		if n%100 == 0 {
			fmt.Fprintf(e.err, "%d files moved\n", n)
		}
	})
	fmt.Fprintf(e.out, "%d files moved to %s.\n", n, placeOf(e.cfg.FilesIn))
	return err
}

// FilesSweepCmd deletes orphans.
type FilesSweepCmd struct{}

// Run queues them; a running server, or the next one, deletes them.
func (c *FilesSweepCmd) Run(e *env) error {
	a, err := open(e.ctx, e)
	if err != nil {
		return err
	}
	defer a.Close()
	n, err := a.record.SweepFiles(e.ctx)
	fmt.Fprintf(e.out, "%d files belong to nothing; the server deletes them within minutes.\n", n)
	return err
}

// placeOf names the kind of a place and none of its details.
func placeOf(where string) string {
	switch {
	case len(where) >= 3 && where[:3] == "dir":
		return "the folder"
	case len(where) >= 2 && where[:2] == "s3":
		return "S3"
	}
	return "the database"
}
