package ground

// quoteLeast is the number of words from which a literal quotation is taken from anywhere within a passage. A shorter one
// must be whole sentences: cut out of the middle, a few words may say the opposite of what they were taken from.
const quoteLeast = 20

// appendSeq appends the words and numbers of toks to dst, hashed.
func appendSeq(dst []uint32, text string, toks []tok) []uint32 {
	for i := range toks {
		t := &toks[i]
		switch t.kind {
		case tWord:
			dst = append(dst, uint32(t.form^t.form>>32))
		case tNumber, tExact:
			h := uint64(14695981039346656037)
			for k := t.start; k < t.end; k++ {
				h = (h ^ uint64(text[k])) * 1099511628211
			}
			dst = append(dst, uint32(h^h>>32))
		default:
			if u := symbols[t.sym]; t.kind == tSymbol && u.class != cNone {
				dst = append(dst, uint32(t.sym)) // 5 % is not 5
			}
		}
	}
	return dst
}

// quoted reports whether the sentence under way stands in the passage word for word.
func (p *passage) quoted(seq []uint32) bool {
	n := len(seq)
	if n < 3 || n > len(p.seq) {
		return false
	}
	for at := 0; at+n <= len(p.seq); at++ {
		if p.seq[at] != seq[0] || p.seq[at+n-1] != seq[n-1] || !equalSeq(p.seq[at:at+n], seq) {
			continue
		}
		if n >= quoteLeast {
			return true
		}
		starts, ends := false, false
		for i := range p.segs {
			starts = starts || int(p.segs[i].seqLo) == at && !p.segs[i].asks
			ends = ends || int(p.segs[i].seqHi) == at+n && !p.segs[i].asks
		}
		if starts && ends {
			return true
		}
	}
	return false
}

func equalSeq(a, b []uint32) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// asks reports whether a segment ends with a question mark.
func asks(toks []tok) bool {
	last := &toks[len(toks)-1]
	return last.kind == tSymbol && (last.sym == '?' || last.sym == '？' || last.sym == '؟')
}
