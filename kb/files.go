package kb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/firstline/firstline/internal/fault"
)

// ReadDir parses every *.md file of a tree, in the order of their paths; what begins with a dot is left out. The error
// is Problems with every mistake of every file.
func ReadDir(fsys fs.FS) ([]Document, error) {
	var docs []Document
	var ps Problems
	err := fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && strings.HasPrefix(e.Name(), "."):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir() || path.Ext(name) != ".md":
			return nil
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		d, err := ParseFile(name, data)
		var found Problems
		if errors.As(err, &found) {
			ps = append(ps, found...)
			return nil
		}
		docs = append(docs, d)
		return err
	})
	if err != nil {
		return nil, fault.Wrap(fmt.Errorf("kb: read articles: %w", err), fault.Invalid, "unreadable_directory", "The folder of articles cannot be read; check its name and permissions.")
	}
	return docs, ps.orNil()
}

// ImportOptions change what ImportDir does.
type ImportOptions struct {
	DryRun   bool                  // check and report, write nothing
	Archive  bool                  // take down published pages that have no file
	Progress func(done, total int) // called for each document
}

// ImportDir publishes every *.md file of a tree in one transaction. All files are read before anything is written: the
// error is Problems with every mistake of every file, and then nothing was imported. Importing the same files again
// changes nothing. The report's Problems are Lint's: they stop nothing.
func ImportDir(ctx context.Context, store *Store, fsys fs.FS, opts ImportOptions) (Report, error) {
	docs, err := ReadDir(fsys)
	// Mistakes between files are worth knowing even when some files cannot be read.
	var ps, more Problems
	if errors.As(err, &ps) {
		if errors.As(checkTogether(docs), &more) {
			ps = append(ps, more...)
		}
		return Report{Problems: ps}, ps
	}
	if err != nil {
		return Report{}, err
	}
	report, err := store.Publish(ctx, docs, PublishOptions{DryRun: opts.DryRun, ArchiveMissing: opts.Archive, Progress: opts.Progress})
	if err != nil {
		return report, err
	}
	report.Problems = LintAt(docs, store.Now())
	return report, nil
}

// ExportOptions change what ExportDir does.
type ExportOptions struct {
	Force bool // write into a folder that is not empty, over files of the same names
}

// ExportDir writes every published page to dir, which is made when it is missing, as
// <locale>/<collection>/<slug>[.<variant>].md in canonical form, and returns how many. Nothing is written outside of
// dir. The error is a Conflict fault when dir is not empty and opts.Force is not set.
func ExportDir(ctx context.Context, store *Store, dir string, opts ExportOptions) (int, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, fault.Wrap(err, fault.Invalid, "unwritable_directory", "The folder for the articles cannot be made; check its name and permissions.")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, fault.Wrap(err, fault.Invalid, "unwritable_directory", "The folder for the articles cannot be read; check its permissions.")
	}
	if len(entries) > 0 && !opts.Force {
		return 0, fault.New(fault.Conflict, "directory_not_empty", "The folder %q is not empty; name another one, or use --force to write over files of the same names.", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, fmt.Errorf("kb: export: %w", err)
	}
	defer func() { _ = root.Close() }()
	n := 0
	for d, err := range store.Export(ctx) {
		if err != nil {
			return n, err
		}
		if err := d.Check(); err != nil { // written by something else than Publish: its path could be anything
			return n, fmt.Errorf("kb: export: %w", err)
		}
		if err := writeFile(root, d); err != nil {
			return n, fault.Wrap(fmt.Errorf("kb: export: %w", err), fault.Invalid, "unwritable_directory", "An article cannot be written; check the folder's permissions and free space.")
		}
		n++
	}
	return n, nil
}

// writeFile writes a document in place of a file of its name, which is complete or untouched at any moment.
func writeFile(root *os.Root, d Document) error {
	name := d.Path()
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	data := d.Render()
	if old, err := root.ReadFile(name); err == nil && bytes.Equal(old, data) {
		return nil // keeps its time
	}
	err := root.WriteFile(name+".new", data, 0o644)
	if err == nil {
		err = root.Rename(name+".new", name)
	}
	if err != nil {
		_ = root.Remove(name + ".new") // half of it may be there
	}
	return err
}
