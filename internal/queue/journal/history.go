package journal

import (
	"cmp"
	"slices"
	"time"

	"github.com/travishook/travishook/internal/travis"
)

const (
	// historyKept is for how long the last builds of a branch are remembered after the last of them.
	historyKept = 30 * 24 * time.Hour
	// historyRuns is how many builds of a branch are remembered: those that overlap, and those that
	// are restarted.
	historyRuns = 8
)

// branchHistory is how the last builds of one branch and build type, or of one pull request, ended, as far as
// they passed or failed.
type branchHistory struct {
	namespace *namespace
	at        int64 // of the last event
	runs      []Run // in the order of builds
	origin    uint64
	changed   bool
}

// History is a history as it is carried.
type History struct {
	Key       ID     `json:"key"` // see HistoryID
	Namespace string `json:"namespace"`
	At        int64  `json:"at"`
	Runs      []Run  `json:"runs"`
}

// Run is how the latest run of a build ended.
type Run struct {
	Build   int64  `json:"build"`
	Number  string `json:"number,omitempty"`
	Started int64  `json:"started,omitempty"`
	Failed  bool   `json:"failed,omitempty"`
	// Again is set if an earlier run of the build had ended before, and Before is whether that failed.
	Again  bool `json:"again,omitempty"`
	Before bool `json:"before,omitempty"`
}

// Finish is the end of a build that no route matches. Its event holds no more than its history needs.
type Finish struct {
	At        time.Time    `json:"at"`
	Namespace string       `json:"namespace"`
	Event     travis.Event `json:"event"`
}

// NewFinish reduces an event.
func NewFinish(e *travis.Event, namespace string, at time.Time) *Finish {
	b := &e.Build
	f := Finish{At: at, Namespace: namespace, Event: travis.Event{
		Repository: e.Repository,
		Build: travis.Build{
			ID: b.ID, Number: b.Number, Type: b.Type, State: b.State, Result: b.Result, Branch: b.Branch,
			Started: b.Started, Finished: b.Finished,
		},
	}}
	if e.PullRequest != nil {
		f.Event.PullRequest = &travis.PR{Number: e.PullRequest.Number}
	}
	return &f
}

// HistoryID names the history that an event belongs to.
func HistoryID(e *travis.Event, namespace string) ID {
	h := newHasher().text("history").text(namespace).number(e.Repository.ID).text(string(e.Build.Type))
	if e.PullRequest != nil {
		h = h.number(e.PullRequest.Number)
	} else {
		h = h.text(e.Build.Branch)
	}
	return h.sum()
}

// Decisive reports whether the event is the end of a build that later ones are compared with.
func Decisive(e *travis.Event) bool { return stateOf(e)&(statePassed|stateFailed) != 0 }

func runOf(e *travis.Event) Run {
	return Run{Build: e.Build.ID, Number: e.Build.Number, Started: start(e), Failed: stateOf(e) == stateFailed}
}

// Runs returns the runs of a history. They must not be changed.
func (s *State) Runs(key ID, now time.Time) []Run {
	if h, ok := s.histories[key]; ok && !h.expired(now.UnixNano()) {
		return h.runs
	}
	return nil
}

// TransitionOf compares the event with the run before it. It returns nil if there is none, or if the event is
// not the end of a build that passed or failed.
func TransitionOf(e *travis.Event, runs []Run) *travis.Transition {
	if !Decisive(e) {
		return nil
	}
	before, ok := before(runs, runOf(e))
	if !ok {
		return nil
	}
	t := &travis.Transition{Reported: e.Build.Result, Build: before.Number, State: "passed"}
	if before.Failed {
		t.State = "failed"
	}
	t.Computed = travis.ComputeResult(t.State, e.Build.State)
	return t
}

// Overtaken reports whether a later build of the event's branch, or pull request, has passed or failed, as far as
// the namespace's history goes.
func (s *State) Overtaken(e *travis.Event, namespace string, now time.Time) bool {
	types := []travis.BuildType{e.Build.Type}
	if e.PullRequest == nil {
		types = []travis.BuildType{travis.Push, travis.Cron, travis.API}
	}
	for _, t := range types {
		of := travis.Event{Repository: e.Repository, PullRequest: e.PullRequest}
		of.Build.Type, of.Build.Branch = t, e.Build.Branch
		if runs := s.Runs(HistoryID(&of, namespace), now); len(runs) > 0 && runs[len(runs)-1].Build > e.Build.ID {
			return true
		}
	}
	return false
}

// Finished reports whether the history has the end of the event's run.
func (s *State) Finished(e *travis.Event, key ID, now time.Time) bool {
	runs, run := s.Runs(key, now), runOf(e)
	for _, r := range runs {
		if r.Build == run.Build {
			return r.Started >= run.Started
		}
	}
	return len(runs) == historyRuns && run.Build < runs[0].Build
}

// before returns the run before: the build's own earlier one, or the latest of an earlier build.
func before(runs []Run, run Run) (Run, bool) {
	for _, r := range slices.Backward(runs) {
		switch {
		case r.Build > run.Build:
		case r.Build < run.Build, r.Started < run.Started:
			return r, true
		case r.Started == run.Started && r.Again:
			r.Failed = r.Before
			return r, true
		}
	}
	return Run{}, false
}

// WithRun returns the runs of a history with that of the event.
func WithRun(runs []Run, e *travis.Event) []Run {
	runs, run := slices.Clone(runs), runOf(e)
	at, known := slices.BinarySearchFunc(runs, run, func(a, b Run) int { return cmp.Compare(a.Build, b.Build) })
	if !known {
		runs = slices.Insert(runs, at, run)
		return runs[max(0, len(runs)-historyRuns):]
	}
	old := runs[at]
	switch {
	case run.Started < old.Started:
		return runs
	case run.Started == old.Started:
		run.Again, run.Before = old.Again, old.Before
	default:
		run.Again, run.Before = true, old.Failed
	}
	runs[at] = run
	return runs
}

func (h *branchHistory) expired(at int64) bool { return at-h.at >= int64(historyKept) }

func (h *branchHistory) usage() usage {
	u := historyUsage.times(1)
	for _, r := range h.runs {
		u.add(runUsage)
		u.memory += texts(r.Number)
		u.bytes += int64(len(r.Number))
	}
	return u
}

// finished notes how a build ended.
func (s *State) finished(seq uint64, name string, e *travis.Event, at int64) {
	if !Decisive(e) {
		return
	}
	key := HistoryID(e, name)
	h, known := s.histories[key]
	if !known {
		h = s.newHistory(key, name)
	}
	fresh := !known || h.expired(at)
	s.editHistory(h, func() {
		if fresh {
			h.runs = nil
		}
		h.runs = slices.Clip(WithRun(h.runs, e))
		h.at = max(h.at, at)
	})
	if fresh {
		h.origin, h.changed = seq, false
	} else {
		h.changed = true // this message does not hold the earlier runs
	}
}

func (s *State) newHistory(key ID, name string) *branchHistory {
	h := &branchHistory{namespace: s.namespace(name)}
	s.histories[key] = h
	s.charge(h.namespace, h.usage(), 1)
	return h
}

// editHistory changes a history, and what is charged for it.
func (s *State) editHistory(h *branchHistory, change func()) {
	s.charge(h.namespace, h.usage(), -1)
	change()
	s.charge(h.namespace, h.usage(), 1)
}

func (s *State) forgetHistory(key ID, h *branchHistory) {
	delete(s.histories, key)
	s.charge(h.namespace, h.usage(), -1)
	s.tidyNamespace(h.namespace)
}

func (s *State) restoreHistory(seq uint64, e *History) {
	h, ok := s.histories[e.Key]
	if !ok {
		h = s.newHistory(e.Key, e.Namespace)
	}
	s.editHistory(h, func() { h.at, h.runs = e.At, e.Runs })
	h.origin, h.changed = seq, false
}

func (c *Carrier) addHistory(seq uint64, key ID) {
	h, ok := c.state.histories[key]
	if !ok || c.histories[h] || h.origin != seq && !h.changed {
		return
	}
	if h.expired(c.now.UnixNano()) {
		c.state.forgetHistory(key, h)
		return
	}
	c.histories[h] = true
	c.ordered = append(c.ordered, Entry{History: &History{Key: key, Namespace: h.namespace.name, At: h.at, Runs: h.runs}})
	c.size += int(h.usage().bytes)
}
