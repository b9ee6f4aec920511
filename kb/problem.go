package kb

import (
	"fmt"
	"strings"

	"github.com/firstline/firstline/internal/fault"
)

// Problem is one mistake in one file, with its remedy.
type Problem struct {
	File    string // as the document was named; never empty
	Line    int    // from 1; 0 when the problem is about the whole file
	Field   string // the front matter's key, or "body"; "" when the file cannot be read at all
	Rule    string // stable name of the rule, such as "broken_link"
	Message string // one sentence with the remedy
	Warning bool   // worth knowing, wrong for nobody who reads the article
}

func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Problems is the error of documents that cannot be used: all of their mistakes at once. To errors.As it is also a
// fault.Error of kind Invalid and code "article_invalid", whose public text lists every problem on a line.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// As lets errors.As find a fault.Error in Problems.
func (ps Problems) As(target any) bool {
	f, ok := target.(**fault.Error)
	if !ok {
		return false
	}
	*f = fault.New(fault.Invalid, "article_invalid", "%s", ps.Error())
	if len(ps) == 1 {
		(*f).Field = ps[0].Field
	}
	return true
}

// orNil returns the problems as an error, or nil when there are none.
func (ps Problems) orNil() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}
