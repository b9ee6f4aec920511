package assistant

import (
	"regexp"
	"strings"
)

// blockKind is what a block of Markdown is.
type blockKind int

const (
	paragraph blockKind = iota
	heading
	stepList // a numbered list
	bulletList
	table
	code
	definition // of a link, which shows nothing itself
)

// block is a top-level block of a passage.
type block struct {
	kind  blockKind
	lines []string
}

func (b block) markdown() string { return strings.Join(b.lines, "\n") }

// leads reports whether a block introduces what follows.
func (b block) leads() bool {
	if b.kind == heading {
		return true
	}
	last := strings.TrimRight(b.lines[len(b.lines)-1], " *_")
	return b.kind == paragraph && (strings.HasSuffix(last, ":") || strings.HasSuffix(last, "："))
}

var (
	aHeading    = regexp.MustCompile(`^ {0,3}#{1,6}(\s|$)`)
	aStep       = regexp.MustCompile(`^ {0,3}(\d{1,9})[.)]\s`)
	aBullet     = regexp.MustCompile(`^ {0,3}[-*+]\s`)
	aRuler      = regexp.MustCompile(`^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$`)
	aFence      = regexp.MustCompile("^ {0,3}(```+|~~~+)")
	aDefinition = regexp.MustCompile(`^ {0,3}\[[^\]]+\]:\s`)
)

// blocksOf cuts a passage's Markdown into its top-level blocks. It knows what the chunker leaves whole; whatever else
// there is counts as a paragraph and is quoted as it stands.
func blocksOf(md string) []block {
	var out []block
	lines := strings.Split(strings.ReplaceAll(md, "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); {
		if strings.TrimSpace(lines[i]) == "" {
			i++
			continue
		}
		kind, n := blockAt(lines[i:])
		out = append(out, block{kind, lines[i : i+n]})
		i += n
	}
	return out
}

// blockAt returns the kind and the number of lines of the block that begins with the first of lines.
func blockAt(lines []string) (blockKind, int) {
	first := lines[0]
	switch {
	case aHeading.MatchString(first):
		return heading, 1
	case aDefinition.MatchString(first):
		return definition, 1
	case aFence.MatchString(first):
		fence := strings.TrimSpace(aFence.FindString(first))
		for i := 1; i < len(lines); i++ {
			if strings.HasPrefix(strings.TrimSpace(lines[i]), fence) {
				return code, i + 1
			}
		}
		return code, len(lines)
	case aStep.MatchString(first):
		return stepList, listLines(lines, aStep)
	case aBullet.MatchString(first):
		return bulletList, listLines(lines, aBullet)
	case strings.Contains(first, "|") && len(lines) > 1 && strings.Contains(lines[1], "-") && aRuler.MatchString(lines[1]):
		n := 2
		for n < len(lines) && strings.TrimSpace(lines[n]) != "" {
			n++
		}
		return table, n
	}
	n := 1
	for n < len(lines) && strings.TrimSpace(lines[n]) != "" && !aHeading.MatchString(lines[n]) && !aFence.MatchString(lines[n]) &&
		!aBullet.MatchString(lines[n]) && !strings.HasPrefix(strings.TrimSpace(lines[n]), "1. ") { // what may interrupt a paragraph
		n++
	}
	return paragraph, n
}

// listLines returns how far a list goes: over blank lines as long as more items, or what is indented below one, follow.
func listLines(lines []string, item *regexp.Regexp) int {
	n, blank := 1, false
	for i := 1; i < len(lines); i++ {
		l := lines[i]
		switch {
		case strings.TrimSpace(l) == "":
			blank = true
			continue
		case item.MatchString(l), strings.HasPrefix(l, "  "), strings.HasPrefix(l, "\t"):
		case blank, aHeading.MatchString(l), aFence.MatchString(l), aStep.MatchString(l), aBullet.MatchString(l):
			return n
		}
		n, blank = i+1, false
	}
	return n
}

// cells returns the cells of a table's row.
func cells(row string) []string {
	row = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(row), "|"), "|")
	var out []string
	from := 0
	for i := 0; i <= len(row); i++ {
		if i == len(row) || row[i] == '|' && (i == 0 || row[i-1] != '\\') {
			out = append(out, strings.TrimSpace(row[from:i]))
			from = i + 1
		}
	}
	return out
}

func row(cells []string) string { return "| " + strings.Join(cells, " | ") + " |" }

var (
	aLink = regexp.MustCompile(`!?\[([^\]]*)\]\([^)]*\)`)
	marks = strings.NewReplacer("**", "", "__", "", "`", "", "\\", "")
)

// words of a piece of Markdown on one line, without its marks and addresses.
func plainWords(md string) string {
	if strings.Contains(md, "](") {
		md = aLink.ReplaceAllString(md, "$1")
	}
	return strings.Join(strings.Fields(marks.Replace(md)), " ")
}

// plainText is a block as a citation shows it: a table's rows say with every cell what it is.
func (b block) plainText() string {
	switch b.kind {
	case definition:
		return ""
	case heading:
		return plainWords(strings.TrimLeft(strings.TrimSpace(b.lines[0]), "#"))
	case table:
		head := cells(b.lines[0])
		var rows []string
		for _, l := range b.lines[2:] {
			var parts []string
			for i, c := range cells(l) {
				switch {
				case c == "":
				case i < len(head) && head[i] != "":
					parts = append(parts, plainWords(head[i])+": "+plainWords(c))
				default:
					parts = append(parts, plainWords(c))
				}
			}
			rows = append(rows, strings.Join(parts, "; "))
		}
		return strings.Join(rows, "\n")
	case stepList, bulletList:
		var items []string
		for _, l := range b.lines {
			if w := plainWords(l); w != "" {
				items = append(items, w)
			}
		}
		return strings.Join(items, "\n")
	}
	return plainWords(b.markdown())
}
