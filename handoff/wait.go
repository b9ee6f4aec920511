package handoff

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// thin is how few conversations that ended lately make every estimate a guess.
const thin = 5

const (
	recent     = "12 hours" // how far back the desk's own data count
	recentEnds = 60         // and how many ends of conversations at most: handling times change in the course of a day
	rateFrom   = 500        // so many arrivals of the last hour tell how fast they come, where there are more
	learnFrom  = 200        // the latest waits that the range is learned from ...
	learnAtAll = 20         // ... how few teach nothing, so that the range is that of guessedLow and guessedHigh ...
	judged     = 80         // ... and by how many of the latest it is judged whether the upper end held
)

// The range around an estimate that nothing has been learned about yet, as factors.
const (
	guessedLow  = 0.5
	guessedHigh = 1.8
)

// covered is the share of customers who are to be served before the upper end of what they were shown, and beforeLow the
// share of those served before its lower end.
const (
	covered   = 0.90
	beforeLow = 0.15
)

// graceSeconds is added to estimates before they are compared with waits: an offer takes that long to be taken however
// short the queue is, and without it a wait of nearly nothing would be off by a large factor.
const graceSeconds = 30

// outlook is what the desk's own data say about a place in the queue.
type outlook struct {
	Position   int         // 1 is next
	Slots      float64     // conversations that the agents at work can have at once
	Free       float64     // of these, not taken
	Handling   float64     // seconds that an agent has a conversation, lately
	Overtakers []overtaker // what comes in more urgent
}

// overtaker is a kind of handoff that is served before one that waits already.
type overtaker struct {
	Head float64 // while it comes in at most so many seconds later
	Rate float64 // how many come in a second
}

// base is the expected wait in seconds: 0 for whoever has a free agent, and otherwise how long it takes until as many
// conversations have ended as are ahead, those counted in that come in meanwhile and go first. The wait of the last one to
// enter service, which predicts well in a queue of one kind (Ibrahim and Whitt, "Real-time delay estimation based on delay
// history", 2009), says little where the urgent go first: on the simulated days it only widened the ranges.
func (o outlook) base() float64 {
	ahead := float64(o.Position) - math.Max(0, o.Free)
	if ahead <= 0 || o.Slots <= 0 {
		return 0
	}
	each := o.Handling / o.Slots // between two ends
	wait := ahead * each
	for range 30 { // grows towards the wait at whose end nobody is ahead
		n := ahead
		for _, x := range o.Overtakers {
			n += x.Rate * math.Min(wait, x.Head)
		}
		wait = min(n*each, longestWait)
	}
	return math.Max(1, wait)
}

// longestWait bounds the estimate where more urgent ones come in than agents can serve.
const longestWait = 12 * 3600.0

// headStart is the lead of each priority over the most urgent that ages, as handoffs.rank has it. The first does not age:
// it overtakes for ever.
var headStart = map[int]float64{1: -1e10, 2: 0, 3: 1800, 4: 7200}

// overtakers are those of a priority, from how many came in of each.
func overtakers(priority int, rates map[int]float64) (out []overtaker) {
	for p := 1; p < priority; p++ {
		if rates[p] > 0 {
			out = append(out, overtaker{Head: headStart[priority] - headStart[p], Rate: rates[p]})
		}
	}
	return out
}

// shown is a wait that was shown once, and how long it was.
type shown struct {
	Base   float64 // as estimated
	High   float64 // the upper end that was shown
	Waited float64 // or has waited until now, of those who still wait longer than they were told
}

// ranges are the factors that make a range of an estimate.
type ranges struct{ Low, High float64 }

// learn makes the factors from the latest waits, newest first: the quantiles of how long people waited by how long was
// estimated. Where the upper ends shown held less often than they should, the next reach further, and the other way round,
// so that the share holds while load changes (adaptive conformal inference; Gibbs and Candès, 2021).
func learn(latest []shown) ranges {
	if len(latest) < learnAtAll {
		return ranges{guessedLow, guessedHigh}
	}
	factors := make([]float64, len(latest))
	for i, s := range latest {
		factors[i] = s.Waited / (s.Base + graceSeconds)
	}
	held := 0
	of := min(judged, len(latest))
	for _, s := range latest[:of] {
		if s.Waited <= s.High {
			held++
		}
	}
	slices.Sort(factors)
	// As if one more had been seen that fell short and one that went beyond, so that a few say less than many.
	share := (float64(held) + 1) / (float64(of) + 1/covered)
	level := covered + (covered-share)*0.7
	return ranges{Low: quantile(factors, beforeLow), High: quantile(factors, min(max(level, 0.5), 0.995))}
}

// quantile of sorted numbers, interpolated.
func quantile(sorted []float64, p float64) float64 {
	x := p * float64(len(sorted)-1)
	i := int(x)
	if i >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (x-float64(i))*(sorted[i+1]-sorted[i])
}

// soon is the range for whoever has a free agent: an offer, or two.
var soon = Wait{LowSeconds: 30, HighSeconds: 60}

// wait is the range to show, and the estimate that it was made of.
func (o outlook) wait(r ranges) (Wait, float64) {
	base := o.base()
	if base == 0 {
		return soon, 0
	}
	w := Wait{LowSeconds: roundDown((base + graceSeconds) * r.Low), HighSeconds: roundUp((base + graceSeconds) * r.High)}
	w.HighSeconds = max(w.HighSeconds, soon.HighSeconds)
	w.LowSeconds = min(max(w.LowSeconds, soon.LowSeconds), w.HighSeconds)
	return w, base
}

// roundUp rounds seconds up to what people say: half minutes below five minutes, whole minutes above.
func roundUp(s float64) int { return int(math.Ceil(s/step(s)) * step(s)) }

func roundDown(s float64) int { return int(math.Floor(s/step(s)) * step(s)) }

func step(s float64) float64 {
	if s > 300 {
		return 60
	}
	return 30
}

// lately is what a team's data of the last hours say, apart from who waits and who is free at this moment.
type lately struct {
	Served   int     // conversations that ended, thin at most
	Handling float64 // seconds from taking to end
	Rates    map[int]float64
	Ranges   ranges
	until    time.Time
}

// latelyFor is how long it is kept: it changes slowly, and a place is asked for at every move of the queue.
const latelyFor = 5 * time.Second

// latelyOf returns what is known of a team's last hours.
func (d *Desk) latelyOf(ctx context.Context, q db, team string) (lately, error) {
	if known, ok := d.lately.Load(team); ok && time.Now().Before(known.(lately).until) {
		return known.(lately), nil
	}
	l := lately{Rates: map[int]float64{}, until: time.Now().Add(latelyFor)}
	var rates []float64
	var waits []shown
	err := q.QueryRow(ctx, `
		SELECT e.served, e.handling, ARRAY(SELECT (
				SELECT CASE WHEN count(*) < $5 THEN count(*) / 3600.0 ELSE count(*) / greatest(extract(epoch FROM now() - min(queued_at)), 1) END
				FROM (SELECT queued_at FROM handoffs WHERE team = $1 AND priority = p AND reason <> 'agent_pulled' AND queued_at > now() - interval '1 hour'
					ORDER BY queued_at DESC LIMIT $5) a) FROM generate_series(1, 4) p)::float8[],
			COALESCE((SELECT jsonb_agg(jsonb_build_object('Base', base, 'High', high, 'Waited', waited) ORDER BY at DESC) FROM (
				(SELECT w.base_seconds AS base, w.high_seconds AS high, extract(epoch FROM now() - w.made_at)::real AS waited, now() AS at
				 FROM handoffs h JOIN wait_samples w ON w.handoff_id = h.id
				 WHERE h.team = $1 AND w.team = $1 AND h.state IN ('queued', 'offered', 'asynchronous') AND w.waited_seconds IS NULL AND w.base_seconds > 0
				   AND w.made_at < now() - w.high_seconds * interval '1 second' ORDER BY w.made_at DESC LIMIT $4)
				UNION ALL
				(SELECT base_seconds, high_seconds, waited_seconds, made_at + waited_seconds * interval '1 second' FROM (
					SELECT * FROM wait_samples WHERE team = $1 AND waited_seconds IS NOT NULL AND base_seconds > 0 ORDER BY made_at DESC LIMIT 3 * $4) latest
				 ORDER BY 4 DESC LIMIT $4)
				ORDER BY at DESC LIMIT $4) w), '[]')
		FROM (SELECT least(count(*), $2) AS served, COALESCE(avg(extract(epoch FROM ended_at - accepted_at)::float8), 0) AS handling FROM (
			SELECT accepted_at, ended_at FROM handoffs WHERE team = $1 AND accepted_at IS NOT NULL AND ended_at > now() - interval '`+recent+`'
			ORDER BY ended_at DESC LIMIT $3) latest) e`,
		team, thin, recentEnds, learnFrom, rateFrom).Scan(&l.Served, &l.Handling, &rates, &waits)
	if err != nil {
		return l, err
	}
	for i, r := range rates {
		l.Rates[i+1] = r
	}
	l.Ranges = learn(waits)
	d.lately.Store(team, l)
	return l, nil
}

// atWork are the places of the team's agents, and those that are free: $1 is the team.
const atWork = `SELECT COALESCE(sum(capacity), 0)::float8, COALESCE(sum(greatest(capacity - load, 0)), 0)::float8 FROM (
	SELECT a.capacity, COALESCE((SELECT sum(weight) FROM handoffs WHERE agent_id = a.id AND ended_at IS NULL AND state = 'accepted' AND snoozed_until IS NULL), 0) AS load
	FROM agents a JOIN agent_teams t ON t.agent_id = a.id
	WHERE t.team = $1 AND a.presence = 'online' AND a.connected_until > now() AND a.role <> 'editor' AND a.disabled_at IS NULL) w`

// place counts who is ahead and estimates the wait.
func (d *Desk) place(ctx context.Context, q db, h Handoff, team Team, now time.Time) (Place, error) {
	p := team.place(h.Market, now)
	err := q.QueryRow(ctx, `SELECT (SELECT name FROM teams WHERE key = $1),
		CASE WHEN $3 IN ('queued', 'offered', 'asynchronous') THEN 1 + (SELECT count(*) FROM handoffs o WHERE o.team = $1
			AND o.state IN ('queued', 'offered', 'asynchronous') AND o.id <> $2 AND (o.rank, o.id) < (SELECT me.rank, me.id FROM handoffs me WHERE me.id = $2)) ELSE 0 END`,
		h.Team, h.ID, h.State).Scan(&p.TeamName, &p.Position)
	if p.First = p.Position > 0 && h.Priority == mostUrgent; err == nil && p.First {
		p.Advice, err = d.advice(ctx, q, h)
	}
	if err == nil && p.OpensAt != nil {
		p.Zone, err = team.zoneFor(ctx, q, h.Market)
	}
	if err != nil || !p.Open || p.Position == 0 {
		return p, err
	}
	return p, d.estimate(ctx, q, &p, team, h.Market, h.Priority, now)
}

// place is what the hours say.
func (t Team) place(market string, now time.Time) Place {
	p := Place{Zone: t.Hours.Zone(market), TeamName: t.Name}
	var opens time.Time
	if p.Open, opens = t.Hours.At(market, now); !p.Open && !opens.IsZero() {
		p.OpensAt = &opens
	}
	if c, closed := t.Hours.closure(market, now); closed {
		p.note = c.Note
	}
	return p
}

// estimate fills in the wait, unless the data are thin, nobody is at work, or the team may close before it is over.
func (d *Desk) estimate(ctx context.Context, q db, p *Place, team Team, market string, priority int, now time.Time) error {
	l, err := d.latelyOf(ctx, q, team.Key)
	if err != nil || l.Served < thin {
		return err
	}
	o := outlook{Position: p.Position, Handling: l.Handling, Overtakers: overtakers(priority, l.Rates)}
	if err := q.QueryRow(ctx, atWork, team.Key).Scan(&o.Slots, &o.Free); err != nil || o.Slots == 0 {
		return err
	}
	w, base := o.wait(l.Ranges)
	if closes := team.Hours.Closes(market, now); !closes.IsZero() && closes.Before(now.Add(time.Duration(w.HighSeconds)*time.Second)) {
		return nil
	}
	p.Wait, p.Base = &w, base
	return nil
}

// Outlook is where somebody would stand who asked for the team's people now, with an ordinary question.
func (d *Desk) Outlook(ctx context.Context, key, market string) (Team, Place, error) {
	team, err := findTeam(ctx, d.pool, key)
	if err != nil {
		return team, Place{}, err
	}
	now := time.Now()
	p := team.place(market, now)
	if !p.Open {
		return team, p, nil
	}
	err = d.pool.QueryRow(ctx, `SELECT 1 + count(*) FROM handoffs WHERE team = $1 AND state IN ('queued', 'offered', 'asynchronous')
		AND rank <= extract(epoch FROM now() - timestamptz '2020-01-01 00:00:00+00')::float8 + $2`, team.Key, headStart[ordinary]).Scan(&p.Position)
	if err != nil {
		return team, p, err
	}
	return team, p, d.estimate(ctx, d.pool, &p, team, market, ordinary, now)
}

// ordinary is the priority of a question that nothing is said about.
const ordinary = 3

// sample keeps what a customer was shown when the handoff was made, so that it can be held against how long it took.
func (d *Desk) sample(ctx context.Context, tx pgx.Tx, h Handoff, p Place) error {
	var base *float64
	var low, high *int
	if p.Wait != nil {
		base, low, high = &p.Base, &p.Wait.LowSeconds, &p.Wait.HighSeconds
	}
	_, err := tx.Exec(ctx, `INSERT INTO wait_samples (handoff_id, team, position, base_seconds, low_seconds, high_seconds) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (handoff_id) DO NOTHING`, h.ID, h.Team, p.Position, base, low, high)
	return err
}

// served notes how long the customer of a handoff waited for the person who takes it now, beside what they were shown.
// What was pulled waited for nobody and teaches nothing; of what comes back, the first wait counts.
func (d *Desk) served(ctx context.Context, tx pgx.Tx, h Handoff) error {
	_, err := tx.Exec(ctx, `UPDATE wait_samples SET waited_seconds = extract(epoch FROM clock_timestamp() - made_at)
		WHERE handoff_id = $1 AND waited_seconds IS NULL AND $2 <> 'agent_pulled'`, h.ID, h.Reason)
	return err
}
