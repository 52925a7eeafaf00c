package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// process accepts webhooks until it is killed.
type process interface {
	// URL waits until it accepts them, and returns its URL.
	URL(ctx context.Context) (string, error)
	// Listened reports whether it ever did.
	Listened() bool
	Ended() <-chan struct{}
	Kill() error
	Stop() error
}

// replica is one of the victims that live at the same time.
type replica struct {
	process
	generation int
}

// restartPause is how long one that could not start is left alone.
const restartPause = time.Second

// kill starts victims and kills them, until posting ends. The last ones live.
func (s *soak) kill(ctx, posting context.Context) error {
	for {
		begun, err := s.fill(ctx)
		if err != nil {
			return err
		}
		if rand.IntN(4) > 0 { // the others may be killed while they start
			for _, r := range begun {
				_, _ = r.URL(posting)
			}
		}
		if over, err := s.live(ctx, posting); over || err != nil {
			return err
		}
		chosen := choose(s.all())
		if err := s.end(chosen, process.Kill); err != nil {
			return err
		}
		for _, r := range chosen {
			if s.kills++; s.kills%50 == 0 {
				s.say("%d victims killed", s.kills)
			}
			if !r.Listened() {
				s.unborn++
			}
		}
	}
}

// live leaves the victims alone for a while; over says that posting ended meanwhile.
func (s *soak) live(ctx, posting context.Context) (over bool, err error) {
	// As many are killed at a time as bring each to its age.
	enough := time.After(rand.N(2 * s.life / time.Duration(s.replicas())))
	for {
		select {
		case <-posting.Done():
			return true, context.Cause(ctx)
		case r := <-s.fell:
			if err := s.replace(ctx, r); err != nil {
				return false, err
			}
		case <-enough:
			return false, nil
		}
	}
}

// choose says who is killed: most often one, sometimes two at once, sometimes all.
func choose[T any](from []T) []T {
	chosen := slices.Clone(from)
	rand.Shuffle(len(chosen), func(i, k int) { chosen[i], chosen[k] = chosen[k], chosen[i] })
	n := 1
	switch dice := rand.IntN(20); {
	case dice == 0:
		n = len(chosen)
	case dice < 4:
		n = 2
	}
	return chosen[:min(n, len(chosen))]
}

// fill starts as many victims as are missing.
func (s *soak) fill(ctx context.Context) (begun []*replica, err error) {
	for range s.replicas() - len(s.all()) {
		s.channels.started(s.generation)
		p, err := s.begin(ctx, s.generation)
		if err != nil {
			return nil, err
		}
		r := &replica{p, s.generation}
		s.generation++
		begun = append(begun, r)
		s.mu.Lock()
		s.living = append(s.living, r)
		s.mu.Unlock()
		go s.watch(ctx, r)
	}
	return begun, nil
}

// watch reports when a victim accepts webhooks, and when it ends by itself.
func (s *soak) watch(ctx context.Context, r *replica) {
	if _, err := r.URL(ctx); err == nil {
		s.mu.Lock()
		close(s.changed)
		s.changed = make(chan struct{})
		s.mu.Unlock()
	}
	select {
	case <-ctx.Done():
		return
	case <-r.Ended():
	}
	if !slices.Contains(s.all(), r) {
		return
	}
	select {
	case s.fell <- r:
	case <-ctx.Done():
	}
}

// replace starts another for one that ended by itself. It may do so where it could not begin, because
// the servers of its store did not answer: Kubernetes starts it again then.
func (s *soak) replace(ctx context.Context, r *replica) error {
	if !slices.Contains(s.all(), r) {
		return nil // it was killed meanwhile
	}
	if s.shared == nil || r.Listened() {
		return errors.New("a victim ended by itself: " + s.log.Name() + " says why")
	}
	s.barred++
	s.leave(r)
	s.channels.ended(r.generation)
	select {
	case <-time.After(restartPause):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	_, err := s.fill(ctx)
	return err
}

// all are the victims that live now.
func (s *soak) all() []*replica {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.living)
}

// leave removes a victim from the targets of webhooks.
func (s *soak) leave(gone ...*replica) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.living = slices.DeleteFunc(s.living, func(r *replica) bool { return slices.Contains(gone, r) })
}

// end ends victims, all at once. No other is started before they have ended.
func (s *soak) end(chosen []*replica, how func(process) error) error {
	s.leave(chosen...)
	ends := make([]error, len(chosen))
	var all sync.WaitGroup
	for i, r := range chosen {
		all.Go(func() {
			err := how(r.process)
			s.channels.ended(r.generation)
			if err != nil && (s.shared == nil || r.Listened()) { // see replace
				ends[i] = fmt.Errorf("%w; see %s", err, s.log.Name())
			}
		})
	}
	all.Wait()
	return errors.Join(ends...)
}

// url is where one of the victims takes webhooks, chosen as an ingress does: any that is ready.
func (s *soak) url(ctx context.Context) (string, error) {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		ready := slices.DeleteFunc(s.all(), func(r *replica) bool { return !r.Listened() })
		if len(ready) > 0 {
			if url, err := ready[rand.IntN(len(ready))].URL(ctx); err == nil {
				return url, nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}
