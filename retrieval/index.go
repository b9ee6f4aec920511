package retrieval

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/firstline/firstline/retrieval/analysis"
	"github.com/google/uuid"
)

// index is the lexical index of everything published, one partition for each language. Searches share it; a change
// takes it alone for as long as one article takes to enter, which is less than a millisecond.
type index struct {
	tuning tuning

	mu         sync.RWMutex
	revision   int64
	partitions map[string]*partition
	documents  map[uuid.UUID][]place // by version: in its own language first, then where it has questions
	sections   map[int64]place       // by passage
	kinds      []kind
	kindOf     map[string]uint32

	sparseMu sync.Mutex
	sparse   map[string][]int64 // what admissible found; emptied by a change
}

// place says where a document is.
type place struct {
	partition *partition
	slot      uint32
}

// kind is a combination of everything that decides who may read an article. There are few of them, so that a search
// decides once for each instead of once for each article.
type kind struct {
	locale, audience string
	markets          []string
	excluded         bool
}

// noKind is the kind of slots that are not in use: nobody may read them.
const noKind = 0

func newIndex(t tuning) *index {
	return &index{
		kinds:  []kind{{}},
		tuning: t, partitions: map[string]*partition{}, documents: map[uuid.UUID][]place{}, sections: map[int64]place{},
		kindOf: map[string]uint32{},
	}
}

// apply enters documents, in place of what was there of the same versions, and removes versions.
func (x *index) apply(entered []document, removed []uuid.UUID, revision int64) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	touched := map[*partition]struct{}{}
	for _, v := range removed {
		x.remove(v, touched)
	}
	for i := range entered {
		d := &entered[i]
		x.remove(d.Version, touched)
		if len(d.Passages) == 0 {
			continue
		}
		p, err := x.partition(d.Locale)
		if err != nil {
			return err
		}
		at := place{p, p.add(d, x.kind(d))}
		places := []place{at}
		for _, s := range d.Passages {
			x.sections[s.ID] = at
		}
		touched[p] = struct{}{}
		for _, locale := range slices.Sorted(maps.Keys(d.Questions)) {
			if analysis.Language(locale) == analysis.Language(d.Locale) {
				continue // entered with the rest
			}
			if p, err = x.partition(locale); err != nil {
				return err
			}
			places = append(places, place{p, p.addQuestions(d, d.Questions[locale], x.kind(d))})
			touched[p] = struct{}{}
		}
		x.documents[d.Version] = places
	}
	for p := range touched {
		p.settle()
	}
	x.revision = revision
	x.sparse = map[string][]int64{}
	return nil
}

func (x *index) remove(version uuid.UUID, touched map[*partition]struct{}) {
	for _, at := range x.documents[version] {
		for _, s := range at.partition.entries[at.slot].sections {
			delete(x.sections, s.id)
		}
		at.partition.remove(at.slot)
		touched[at.partition] = struct{}{}
	}
	delete(x.documents, version)
}

// partition returns that of a locale's language, made if need be, with room for one more document.
func (x *index) partition(locale string) (*partition, error) {
	language := analysis.Language(locale)
	p := x.partitions[language]
	if p == nil {
		p = newPartition(analysis.For(locale), x.tuning)
		x.partitions[language] = p
	}
	if len(p.entries) >= maxSlots {
		return nil, fmt.Errorf("more than %d articles in one language", maxSlots)
	}
	return p, nil
}

func (x *index) kind(d *document) uint32 {
	markets := slices.Clone(d.Markets)
	slices.Sort(markets)
	key := fmt.Sprintf("%s\x00%s\x00%t\x00%s", d.Locale, d.Audience, d.Excluded, strings.Join(markets, "\x00"))
	n, ok := x.kindOf[key]
	if !ok {
		n = uint32(len(x.kinds))
		x.kindOf[key] = n
		x.kinds = append(x.kinds, kind{locale: d.Locale, audience: d.Audience, markets: markets, excluded: d.Excluded})
	}
	return n
}

// scope is who asks: what may be read, in the order of preference.
type scope struct {
	market    string
	locales   []string // wanted first
	audiences []string // wanted first
	excluded  bool     // articles that the assistant must not quote are wanted too
}

// factors returns for each kind by how much its scores count: 0 for what this scope may not read.
func (x *index) factors(s *scope, into []float32) []float32 {
	into = into[:0]
	for i := range x.kinds {
		k := &x.kinds[i]
		factor := 0.0
		if s.meets(k) && (s.excluded || !k.excluded) {
			factor = 1
			if analysis.Language(k.locale) != analysis.Language(s.locales[0]) {
				factor *= x.tuning.OtherLocale
			}
			if k.audience != s.audiences[0] {
				factor *= x.tuning.OtherAudience
			}
		}
		into = append(into, float32(factor))
	}
	return into
}

// closed returns for each kind whether this scope could read it, were the assistant allowed to quote it.
func (x *index) closed(s *scope, into []bool) []bool {
	into = into[:0]
	for i := range x.kinds {
		k := &x.kinds[i]
		into = append(into, k.excluded && !s.excluded && s.meets(k))
	}
	return into
}

// meets tells whether a kind's language, audience and markets are those of the scope.
func (s *scope) meets(k *kind) bool {
	return slices.Contains(s.locales, k.locale) && slices.Contains(s.audiences, k.audience) && (len(k.markets) == 0 || slices.Contains(k.markets, s.market))
}

// size returns how many articles and passages the index holds.
func (x *index) size() (articles, passages int) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.documents), len(x.sections)
}

// at returns the revision that the index shows.
func (x *index) at() int64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.revision
}

// admissible returns the passages that a scope may read, as far as the index knows, when they are few (see exactBelow),
// and nil when they are not.
func (x *index) admissible(s *scope) []int64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	limit := min(exactBelow, len(x.sections)/exactShare)
	key := fmt.Sprintf("%s|%s|%s|%t", s.market, strings.Join(s.locales, ","), strings.Join(s.audiences, ","), s.excluded)
	x.sparseMu.Lock()
	ids, known := x.sparse[key]
	x.sparseMu.Unlock()
	if known {
		return ids
	}
	factors := x.factors(s, nil)
	ids = []int64{}
search:
	for _, language := range s.languages() {
		p := x.partitions[language]
		if p == nil {
			continue
		}
		for slot := range p.entries {
			e := &p.entries[slot]
			if factors[p.kinds[slot]] == 0 {
				continue
			}
			for i := range e.sections {
				if x.sections[e.sections[i].id].partition == p { // not once more for its questions
					ids = append(ids, e.sections[i].id)
				}
			}
			if len(ids) >= limit {
				// Remembered as nil too.
				ids = nil
				break search
			}
		}
	}
	x.sparseMu.Lock()
	defer x.sparseMu.Unlock()
	if x.sparse != nil && len(x.sparse) < 256 { // scopes come from requests
		x.sparse[key] = ids
	}
	return ids
}

// languages of a scope, the customer's first.
func (s *scope) languages() []string {
	languages := make([]string, 0, len(s.locales))
	for _, l := range s.locales {
		if language := analysis.Language(l); !slices.Contains(languages, language) {
			languages = append(languages, language)
		}
	}
	return languages
}

// examined is what a passage has of a question.
type examined struct {
	evidence
	coverage float64 // idf-weighted share of the question's terms that the passage, its heading or the title has
	title    float64 // how nearly the title asks what the question asks
}

// examine looks for a question in a passage. A term that no article has counts as much as the rarest, because it may be
// what the question is about.
func (x *index) examine(passage int64, queries []asked) (seen examined) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	at, ok := x.sections[passage]
	if !ok {
		return seen
	}
	n := slices.IndexFunc(queries, func(a asked) bool { return a.partition == at.partition })
	e := &at.partition.entries[at.slot]
	i := slices.IndexFunc(e.sections, func(s indexedSection) bool { return s.id == passage })
	if n < 0 || i < 0 || queries[n].query.total == 0 {
		return seen
	}
	q := queries[n].query
	var covered float64
	for _, t := range q.terms {
		if e.sections[i].times(t.list) > 0 || slices.Contains(e.title, t.list) {
			covered += float64(t.idf) * t.covers
		}
	}
	seen.coverage = min(covered/q.total, 1)
	seen.title = float64(at.partition.asks(e.title, q))
	w := scratches.Get().(*scratch)
	defer scratches.Put(w)
	w.matcher.aim(at.partition, q)
	defer w.matcher.release(q)
	seen.evidence = w.matcher.read(at.partition, q, e.lead, e.sections[i].text)
	return seen
}
