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
		for _, src := range pool {
			for u := c.sources[src].unitLo; u < c.sources[src].unitHi; u++ {
				// The names that a clause is about: its own, or those of the clause before it in the sentence. A clause of
				// a name and nothing else ("in Germany it is EUR 4.50") takes its words from the sentence's first.
				sg := c.segs[c.units[u].seg]
				scope := u
				for scope > sg.unitLo && !c.units[scope].names {
					scope--
				}
				ss, ww := c.uStrong[u], c.uWeak[u]
				if c.units[u].names && c.onlyNames(u) {
					ss, ww = ss|c.uStrong[sg.unitLo], ww|c.uWeak[sg.unitLo]
				}
				hs, _ := c.context(c.units[u].seg)
				x := c.weigh(ss&rest, ww&rest, cross)
				rival := c.rivalName(scope, names)
				switch {
				case (c.uStrong[u]|c.uStrong[scope])&phrase == phrase, !rival && (hs|c.uStrong[u]|c.uStrong[scope])&phrase == phrase:
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

// otherName reports whether forms hold a name that the sentence does not.
func (c *Checker) otherName(ids []uint16, names uint64) bool {
	for _, id := range ids {
		if c.forms[id].name && (c.strong[id]|c.weak[id])&names == 0 {
			return true
		}
	}
	return false
}

// onlyNames reports whether a clause holds no content word but names.
func (c *Checker) onlyNames(u int32) bool {
	for _, id := range c.ids[c.units[u].lo:c.units[u].hi] {
		if !c.forms[id].name {
			return false
		}
	}
	return true
}

// rivalName reports whether a clause holds a name that the sentence does not.
func (c *Checker) rivalName(u int32, names uint64) bool {
	if !c.units[u].names {
		return false
	}
	for _, id := range c.ids[c.units[u].lo:c.units[u].hi] {
		if c.forms[id].name && c.strong[id]&names == 0 {
			return true
		}
	}
	return false
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
	fit := make(map[int32]float64, 16)
	for _, p := range pool {
		src := &c.sources[p]
		for seg := src.segLo + 1; seg < src.segHi; seg++ {
			if isHeading(c, seg) {
				continue
			}
			var ss, ww uint64
			for u := c.segs[seg].unitLo; u < c.segs[seg].unitHi; u++ {
				ss |= c.uStrong[u]
				ww |= c.uWeak[u]
			}
			if ss|ww == 0 {
				continue
			}
			x := c.weigh(ss, ww, cross)
			for k := range c.sFacts {
				for j := range c.facts {
					if c.facts[j].seg == seg && c.sFacts[k].equal(&c.facts[j]) {
						x += average
						break
					}
				}
			}
			fit[seg] = x
			best = max(best, x)
		}
	}
	prevNeg := false
	for lo := 0; lo < len(c.toks); {
		hi, neg := clauseEnd(c.toks, lo, len(c.toks))
		if lo == 0 && hi-lo <= 2 && bareWords[c.toks[0].form] {
			lo = hi // "No, ..." answers the question and negates nothing
			continue
		}
		if prevNeg && inherits(c.toks, lo, hi) {
			neg = true
		}
		var mask uint64
		for i := range c.words {
			if w := &c.words[i]; w.tok >= lo && w.tok < hi {
				mask |= 1 << i
			}
		}
		prevNeg = neg && !conditionalAt(c.toks[lo])
		lo = hi
		if mask == 0 {
			continue
		}
		agree, differ := 0.0, 0.0
		for seg, x := range fit {
			if x < 0.85*best {
				continue
			}
			for u := c.segs[seg].unitLo; u < c.segs[seg].unitHi; u++ {
				x := c.weigh(c.uStrong[u]&mask, c.uWeak[u]&mask, cross)
				if c.units[u].neg == neg {
					agree = max(agree, x)
				} else {
					differ = max(differ, x)
				}
			}
		}
		if differ >= 0.5*c.weigh(mask, 0, cross) && agree < 0.78*differ {
			return true
		}
	}
	return false
}

func isHeading(c *Checker, seg int32) bool {
	next := seg + 1
	return int(next) < len(c.segs) && c.segs[next].heading == seg
}
