package handoff

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/wake"
)

// Lesson is a set of topics and the classifier that was trained on it.
type Lesson struct {
	Set        TopicSet
	Classifier *triage.Classifier // nil where there are no topics
	At         time.Time
	Took       time.Duration // of the training alone
	tag        string
}

// Hash names the classifier; it is stored with every decision. "" for none.
func (l *Lesson) Hash() string {
	if l.Classifier == nil {
		return ""
	}
	return l.Classifier.Hash()
}

// Learn trains a classifier on the set. It reads and writes nothing.
func Learn(set TopicSet) (*Lesson, error) {
	l := &Lesson{Set: set, At: time.Now().UTC(), tag: Tag(set)}
	if len(set.Topics) == 0 {
		return l, nil
	}
	var err error
	l.Classifier, err = triage.Train(set.Topics, set.None)
	l.Took = time.Since(l.At)
	return l, err
}

// How often a learner looks without being woken, because wake-ups may be lost, and how long one look may take.
const (
	lookEvery   = time.Minute
	learnWithin = 30 * time.Second
)

// Learner keeps the classifier of this process in step with the topics that are stored, whichever replica changes them.
type Learner struct {
	desk  *Desk
	log   *slog.Logger
	apply func(*Lesson)

	learning sync.Mutex // one training at a time
	now      atomic.Pointer[Lesson]

	kick chan struct{}
	stop context.CancelFunc
	done sync.WaitGroup
}

// NewLearner returns a learner that gives each new lesson to apply, which must return at once. It hears the bus from now
// on; call it before the bus is started.
func NewLearner(desk *Desk, log *slog.Logger, apply func(*Lesson)) *Learner {
	l := &Learner{desk: desk, log: log, apply: apply, kick: make(chan struct{}, 1)}
	desk.bus.Subscribe(wake.Topics, func(string) {
		select {
		case l.kick <- struct{}{}: // also while a training runs: the change may have come after it read the topics
		default:
		}
	})
	return l
}

// Lesson returns what is in force in this process, or nil before the first Learn.
func (l *Learner) Lesson() *Lesson { return l.now.Load() }

// Learn reads the topics and, where they are others than those in force, trains and puts the new classifier in force
// before it returns. On an error the former one stays.
func (l *Learner) Learn(ctx context.Context) (*Lesson, error) {
	l.learning.Lock()
	defer l.learning.Unlock()
	set, err := l.desk.TopicSet(ctx)
	if err != nil {
		return nil, err
	}
	if was := l.now.Load(); was != nil && was.tag == Tag(set) {
		return was, nil // a wake-up need not mean a change
	}
	lesson, err := Learn(set)
	if err != nil {
		return nil, err
	}
	l.desk.SetTopics(set.ByKey())
	l.apply(lesson)
	l.now.Store(lesson)
	return lesson, nil
}

// Start follows changes until Stop. Call Learn first.
func (l *Learner) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	l.stop = cancel
	l.done.Go(func() { l.follow(ctx) })
}

// Stop ends following. It is idempotent.
func (l *Learner) Stop() {
	if l.stop != nil {
		l.stop()
		l.done.Wait()
	}
}

func (l *Learner) follow(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.kick:
		case <-tick.C:
		}
		lctx, cancel := context.WithTimeout(ctx, learnWithin)
		if _, err := l.Learn(lctx); err != nil && ctx.Err() == nil {
			l.log.Error("topics not learnt; the former ones stay in force", "error", err)
		}
		cancel()
	}
}
