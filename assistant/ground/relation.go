package ground

import "math/bits"

// boundElsewhere reports whether what the sentence says of a name is said in the pool of another name only.
func (c *Checker) boundElsewhere(pool []int, cross bool) bool {
	phrases := 0
	var names uint64
	for i := range c.words {
		phrases = max(phrases, c.words[i].phrase)
		if c.words[i].binds {
			names |= 1 << i
		}
	}
	if phrases == 0 {
		return false
	}
	rest := (uint64(1)<<len(c.words) - 1) &^ names
	restW := c.weigh(rest, 0, cross)
	if restW == 0 {
		return false
	}
	for p := 1; p <= phrases; p++ {
		var phrase uint64
		for i := range c.words {
			if c.words[i].phrase == p {
				phrase |= 1 << i
			}
		}
		with, without := -1.0, -1.0
		for _, n := range pool {
			src := &c.sources[n]
			src.nameUnits()
			for u := int32(0); u < int32(len(src.units)); u++ {
				// The names that a clause is about: its own, or those of the clause before it in the sentence. A clause of
				// a name and nothing else ("in Germany it is EUR 4.50") takes its words from the sentence's first.
				sg := &src.segs[src.units[u].seg]
				scope := u
				for scope > sg.unitLo && !src.unitNamed[scope] {
					scope--
				}
				ss, ww := src.uStrong[u], src.uWeak[u]
				if src.unitNamed[u] && src.onlyNames(u) {
					ss, ww = ss|src.uStrong[sg.unitLo], ww|src.uWeak[sg.unitLo]
				}
				if (ss|ww)&rest == 0 && with >= 0 {
					continue // says nothing of the rest
				}
				hs, _ := src.context(src.units[u].seg)
				x := c.weigh(ss&rest, ww&rest, cross)
				rival := src.rivalName(scope, names)
				switch {
				case (src.uStrong[u]|src.uStrong[scope])&phrase == phrase, !rival && (hs|src.uStrong[u]|src.uStrong[scope])&phrase == phrase:
					with = max(with, x)
				case rival:
					without = max(without, x)
				}
			}
		}
		if without >= 0.6*restW && with >= 0 && with < without-0.3*restW {
			return true
		}
	}
	return false
}

// nameUnits makes unitNamed.
func (s *source) nameUnits() {
	if s.unitNamed != nil {
		return
	}
	s.unitNamed = make([]bool, len(s.units))
	for u := range s.units {
		for _, id := range s.ids[s.units[u].lo:s.units[u].hi] {
			s.unitNamed[u] = s.unitNamed[u] || s.named[id]
		}
	}
}

// otherName reports whether forms hold a name that the sentence does not.
func (s *source) otherName(ids []uint16, names uint64) bool {
	for _, id := range ids {
		if s.named[id] && (s.strong[id]|s.weak[id])&names == 0 {
			return true
		}
	}
	return false
}

// onlyNames reports whether a clause holds no content word but names.
func (s *source) onlyNames(u int32) bool {
	for _, id := range s.ids[s.units[u].lo:s.units[u].hi] {
		if !s.named[id] {
			return false
		}
	}
	return true
}

// rivalName reports whether a clause holds a name that the sentence does not.
func (s *source) rivalName(u int32, names uint64) bool {
	if !s.unitNamed[u] {
		return false
	}
	for _, id := range s.ids[s.units[u].lo:s.units[u].hi] {
		if s.named[id] && s.strong[id]&names == 0 {
			return true
		}
	}
	return false
}

// segFit is how well a segment fits the sentence as a whole.
type segFit struct {
	src int
	seg int32
	x   float64
}

// opposed reports whether a clause of the sentence is negated where the clause of the pool that it takes its words from
// is not, or the other way round. Only the segments that fit the whole sentence best are asked: other sentences about
// the same things may well be of the other sign.
func (c *Checker) opposed(pool []int, cross bool) bool {
	every := uint64(1)<<len(c.words) - 1
	if bits.OnesCount64(every) < 2 {
		return false
	}
	best, average := 0.0, c.weigh(every, 0, cross)/float64(len(c.words))
	fit := c.fit[:0]
	for _, n := range pool {
		src := &c.sources[n]
		for seg := int32(0); seg < int32(len(src.segs)); seg++ {
			ss, ww := src.sStrong[seg], src.sWeak[seg]
			if ss|ww == 0 || seg == 0 && !src.segs[0].answered || src.isHeading(seg) {
				continue
			}
			x := c.weigh(ss, ww, cross)
			for k := range c.sFacts {
				for j := range src.facts {
					if src.facts[j].seg == seg && c.sFacts[k].equal(&src.facts[j]) {
						x += average
						break
					}
				}
			}
			fit = append(fit, segFit{n, seg, x})
			best = max(best, x)
		}
	}
	c.fit = fit
	lo := 0
	if end, _ := clauseEnd(c.toks, 0, len(c.toks)); end <= 2 && bareWords[c.toks[0].form] {
		lo = end // "No, ..." answers the question and negates nothing
	}
	found := false
	clauses(c.toks, lo, len(c.toks), func(lo, hi int, neg bool) {
		var mask uint64
		var side uint8
		for i := range c.words {
			if w := &c.words[i]; w.tok >= lo && w.tok < hi {
				mask |= 1 << i
				side |= w.key.sides
			}
		}
		if mask == 0 || found || mask&(mask-1) == 0 && joins(&c.toks[lo]) { // "or your country" belongs to what stands before it
			return
		}
		whole := c.weigh(mask, 0, cross)
		agree, differ := 0.0, 0.0
		for _, f := range fit {
			src := &c.sources[f.src]
			var ns, nw uint64 // what the negated clauses of the segment hold together
			for u := src.segs[f.seg].unitLo; u < src.segs[f.seg].unitHi; u++ {
				unit := &src.units[u]
				us, uw := src.uStrong[u]&mask, src.uWeak[u]&mask
				if us|uw != 0 && src.elliptic(u) { // "they see your name, but not your number"
					us, uw = us|src.uStrong[u-1]&mask, uw|src.uWeak[u-1]&mask
				}
				same := unit.neg == neg
				against := contrary(side, unit.sides)
				if against != 0 {
					// Something else must be said of the same.
					var opposite uint64
					for i := range c.words {
						if c.words[i].key.sides&against != 0 {
							opposite |= 1 << i & mask
						}
					}
					if rest := mask &^ opposite; rest != 0 && c.weigh(us&rest, uw&rest, cross) < 0.5*c.weigh(rest, 0, cross) {
						continue
					}
					same = !same
					us |= opposite // said, by the contrary
				}
				if same && neg {
					ns, nw = ns|us, nw|uw
					us, uw = ns, nw
				}
				x := c.weigh(us, uw, cross)
				switch {
				case same && (f.x >= 0.85*best || neg && x >= 0.9*whole):
					agree = max(agree, x) // a negated clause that is there as a whole counts wherever it stands
				case !same && (f.x >= 0.85*best || against != 0 && x >= 0.9*whole):
					differ = max(differ, x)
				}
			}
		}
		found = differ >= 0.5*whole && agree < 0.78*differ
	})
	return found
}

// elliptic reports whether a clause of one or two words is of the other sign than the one before it, from which it takes
// its subject and its verb.
func (s *source) elliptic(u int32) bool {
	unit := &s.units[u]
	return unit.neg && unit.hi-unit.lo <= 2 && u > s.segs[unit.seg].unitLo && !s.units[u-1].neg
}

func (s *source) isHeading(seg int32) bool {
	next := seg + 1
	return int(next) < len(s.segs) && s.segs[next].heading == seg
}
