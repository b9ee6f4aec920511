package ground

// fact is a number with its unit, a time, a date or a weekday, in a run of tokens.
type fact struct {
	class    class
	read     [2]int64 // as written, times 10000; -1 for no reading
	base     [2]int64 // in the class's base unit
	tok      int      // index of its token
	weekday  int
	spelled  bool // a number word
	bound    int  // see bound
	ids      []uint16
	near     []uint16 // forms within three tokens of a bare number
	seg      int32
	ordinals uint64    // mates: ordinals in its clause, as bits 1 to 12
	numbered uint64    // mates: numbers of names, as in "Pay in 4", as bits modulo 64
	next     [2]uint64 // the forms of the words that a bare number counts, where they follow at once
}

// facts appends the facts of tokens to dst. sv says that "en" and "ett" may mean one.
func facts(dst []fact, toks []tok, l lang) []fact {
	from := len(dst)
	look := func(i int) *entry {
		if i >= 0 && i < len(toks) && toks[i].kind == tWord {
			return toks[i].entry
		}
		return nil
	}
	for i := 0; i < len(toks); i++ {
		t := &toks[i]
		if t.kind != tNumber && (t.kind != tWord || t.entry == nil) {
			continue
		}
		f := fact{tok: i, read: t.read, base: [2]int64{-1, -1}}
		switch t.kind {
		case tWord:
			e := t.entry
			if e == nil {
				continue
			}
			if e.weekday != 0 {
				f.weekday, f.read = e.weekday, [2]int64{-1, -1}
				dst = append(dst, f)
				continue
			}
			if e.times != 0 {
				if e.times == 1 && !frequency(toks, i) {
					continue
				}
				f.class, f.read = cTimes, [2]int64{int64(e.times) * 10000, -1}
				f.base = f.read
				dst = append(dst, f)
				continue
			}
			if e.numeral == 0 || e.numeral > 1 && e.info.flags&wStop != 0 && e.info.langs&l != 0 {
				continue // "once" is eleven in Spanish only
			}
			next := look(i + 1)
			if next != nil && next.biz {
				next = look(i + 2)
			}
			if e.numeral == 1 && (next == nil || next.unit.class == cNone || l != sv && t.end-t.start <= 3 && e.info.langs&sv != 0 && e.info.langs&(de|en) == 0) {
				continue
			}
			f.spelled, f.read = true, [2]int64{int64(e.numeral) * 10000, -1}
		case tNumber:
			if e := look(i - 1); e != nil && e.list {
				continue
			}
		default:
			continue
		}
		switch {
		case t.sym == 'd':
			f.class, f.base = cDate, t.read
			f.read = [2]int64{-1, -1}
		case t.time:
			f.class, f.base[0] = cClock, t.read[0]
			if e := look(i + 1); e != nil && e.pm == 2 && f.base[0] < 12*60*10000 {
				f.base[0] += 12 * 60 * 10000
			}
			f.read[0] = -1
		default:
			unitFor(&f, toks, i, look)
			if f.class == cTimes && f.read[0] == 10000 && !frequency(toks, i+1) {
				continue // "una vez que", "en gång till"
			}
		}
		dst = append(dst, f)
	}
	// "3 to 5 days", "3-5 days", "5 or 10 euros": the first number shares the unit of the second.
	for k := len(dst) - 2; k >= from; k-- {
		a, b := &dst[k], &dst[k+1]
		gap := b.tok - a.tok
		if a.class == cNone && a.weekday == 0 && b.class != cNone && b.class != cDate && b.read[0] >= 0 && (gap == 2 || gap == 3 && toks[b.tok-1].kind == tSymbol) && a.base[0] < 0 {
			join := toks[a.tok+1]
			e := join.entry
			if join.kind == tSymbol && (join.sym == '-' || join.sym == '–' || join.sym == '—') ||
				join.kind == tWord && (e != nil && e.info.flags&wJoin != 0 || join.form == hTo || join.form == hBis || join.form == hA || join.form == hTill) {
				a.class = b.class
				factor := int64(1)
				if b.read[0] > 0 {
					factor = b.base[0] / b.read[0]
				}
				for r, v := range a.read {
					if v >= 0 {
						a.base[r] = v * factor
					}
				}
			}
		}
	}
	return dst
}

var (
	hTo   = hash([]byte("to"))
	hBis  = hash([]byte("bis"))
	hA    = hash([]byte("a"))
	hTill = hash([]byte("till"))
	hOf   = hash([]byte("of"))
	hDe   = hash([]byte("de"))
)

// unitFor finds the unit or month that belongs to the number at i.
func unitFor(f *fact, toks []tok, i int, look func(int) *entry) {
	set := func(u unit) {
		f.class = u.class
		for r, v := range f.read {
			if v >= 0 {
				f.base[r] = v * u.factor
			}
		}
	}
	day := f.read[0] / 10000
	if day >= 1 && day <= 31 && f.read[0]%10000 == 0 && f.read[1] < 0 && !f.spelled {
		j := i + 1
		if j < len(toks) && toks[j].kind == tSymbol && toks[j].sym == '.' {
			j++
		}
		if j < len(toks) && toks[j].kind == tWord && (toks[j].form == hOf || toks[j].form == hDe) {
			j++
		}
		m := 0
		if e := look(j); e != nil {
			m = e.month
		} else if e := look(i - 1); e != nil {
			m = e.month
		}
		if e := look(i - 1); m == 0 && e != nil {
			m = e.month
		}
		if m != 0 {
			f.class, f.base[0], f.read[0] = cDate, int64(m)*100+day, -1
			return
		}
	}
	j := i + 1
	if j < len(toks) && toks[j].kind == tSymbol && toks[j].sym == '-' {
		j++ // 14-day
	}
	if j < len(toks) && toks[j].kind == tSymbol {
		if u := symbols[toks[j].sym]; u.class != cNone {
			set(u)
			return
		}
	}
	if e := look(j); e != nil {
		switch {
		case e.pm != 0:
			h := f.read[0]
			if e.pm == 2 && h < 120000 {
				h += 120000
			}
			f.class, f.base[0], f.read[0] = cClock, h*60, -1
			return
		case e.biz && look(j+1) != nil && look(j+1).unit.class == cMinutes:
			set(unit{cBizDays, 1})
			return
		case e.unit.class == cMinutes && e.unit.factor == 1440 && look(j+1) != nil && look(j+1).biz:
			set(unit{cBizDays, 1}) // días hábiles
			return
		case e.unit.class == cClock:
			f.class, f.base[0], f.read[0] = cClock, f.read[0]*60, -1
			return
		case e.unit.class != cNone:
			set(e.unit)
			return
		case e.info.langs&es != 0 && look(j+1) != nil && look(j+1).unit.class == cPercent: // por ciento
			set(look(j + 1).unit)
			return
		}
	}
	if i > 0 && toks[i-1].kind == tSymbol {
		if u := symbols[toks[i-1].sym]; u.class >= cMoney {
			set(u)
			return
		}
	}
	if e := look(i - 1); e != nil && e.unit.class >= cMoney {
		set(e.unit)
	}
}

// equal reports whether an answer's fact a says what a source's fact b says.
func (a *fact) equal(b *fact) bool {
	if a.weekday != 0 || b.weekday != 0 {
		return a.weekday == b.weekday
	}
	match := func(x, y [2]int64) bool {
		for _, v := range x {
			for _, w := range y {
				if v >= 0 && v == w {
					return true
				}
			}
		}
		return false
	}
	switch {
	case a.class == cNone:
		return b.class != cTimes && match(a.read, b.read) || b.class == cClock && match([2]int64{a.read[0] * 60, -1}, b.base)
	case b.class == cNone:
		return false
	case a.class >= cMoney && b.class >= cMoney:
		return sameMoney(a.class, b.class) && match(a.base, b.base)
	}
	return a.class == b.class && match(a.base, b.base)
}

// rival reports whether b is a value that could stand where a stands: the same kind of quantity.
func (a *fact) rival(b *fact) bool {
	if a.weekday != 0 || b.weekday != 0 {
		return a.weekday != 0 && b.weekday != 0
	}
	duration := func(c class) bool { return c == cMinutes || c == cMonths || c == cBizDays }
	return a.class == b.class || a.class >= cMoney && b.class >= cMoney || duration(a.class) && duration(b.class)
}

// checkFacts looks for each fact of the sentence, in surroundings that fit.
func (c *Checker) checkFacts(s *sentence, pool []int, support float64, cross bool) (result, bool) {
	if len(c.sFacts) == 0 {
		return result{}, false
	}
	average, names := 0.0, uint64(0)
	for i := range c.words {
		average += c.w[i]
		if c.words[i].binds {
			names |= 1 << i
		}
	}
	average /= float64(max(len(c.words), 1))
	for k := range c.sFacts {
		a := &c.sFacts[k]
		if a.spelled && a.class == cNone {
			continue // "one of the two": a count of words, not a fact
		}
		if a.class == cTimes && a.read[0] == 10000 {
			continue // once, which texts say in many ways
		}
		a.mates(c.toks, s.text)
		a.bound = bound(c.toks, a.tok)
		within, beyond := false, false // the same number as this bound or none, and as the other bound
		counted := c.counted(a)
		var mated, strange, plain, others int // the same fact: with a mate of ours, only with others, with none; others with ours
		from, to := surroundings(c.sFacts, k, c.toks)
		var around uint64
		for i := range c.words {
			if w := &c.words[i]; w.tok >= from && w.tok < to || w.tok < c.sFacts[0].tok && !w.binds {
				around |= 1 << i
			}
		}
		for i := range c.words {
			if c.words[i].tok == a.tok {
				around &^= 1 << i // the weekday itself
			}
		}
		own, rival, alien := -1.0, -1.0, true
		for _, n := range pool {
			p := &c.sources[n]
			for j := range p.facts {
				b := &p.facts[j]
				same := a.equal(b)
				if !same && !a.rival(b) {
					continue
				}
				var ss, ww uint64
				for _, id := range b.ids {
					ss |= p.strong[id]
					ww |= p.weak[id]
				}
				if same && (p.segs[b.seg].asks || counted != 0 && !p.counts(b, counted)) {
					continue
				}
				switch shared := a.share(b); {
				case !same && shared > 0:
					others++
				case !same:
				case shared > 0:
					mated++
				case shared < 0:
					strange++
				default:
					plain++
				}
				hs, hw := p.context(b.seg)
				// Headings tell markets and products apart; their other words hold for every fact below them.
				x := c.weigh((ss|hs&names)&around, (ww|hw&names)&around, cross)
				if same {
					within, beyond = within || b.bound*a.bound >= 0, beyond || b.bound*a.bound < 0
					own = max(own, x)
					alien = alien && (ss|ww|hs)&names&around != names&around && p.otherName(b.ids, names)
				} else {
					rival = max(rival, x)
				}
			}
		}
		t := c.toks[a.tok]
		if own < 0 {
			r := fail(ReasonNumber, support, s.text[t.start:t.end])
			r.against = a.class != cNone && around != 0 && rival >= 0.7*c.weigh(around, 0, cross)
			return r, true
		}
		if beyond && !within {
			return fail(ReasonContext, support, s.text[t.start:t.end]), true
		}
		if strange > 0 && mated == 0 && (plain == 0 || others > 0 || a.ordinals != 0) {
			return fail(ReasonContext, support, s.text[t.start:t.end]), true
		}
		if a.class == cNone && named(c.toks, a.tok) {
			continue // a part of a name, and no quantity
		}
		// Either what is said around it is said around another value, or around this one for another name only.
		if rival > own+0.8*average || alien {
			return fail(ReasonContext, support, s.text[t.start:t.end]), true
		}
	}
	return result{}, false
}
