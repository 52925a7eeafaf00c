package simulation

import (
	"context"
	"time"

	"github.com/travishook/travishook/internal/queue/wal"
)

// Updates delivers what is appended, more or less.
func (l *processLog) Updates() <-chan wal.Message {
	if !l.network {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.updates == nil {
		l.updates = make(chan wal.Message, 64)
		from := l.s.extent().Last + 1
		l.p.running.Go(func() { l.feed(from) })
	}
	return l.updates
}

// feed delivers messages late, stops for a while, and then skips or repeats some.
func (l *processLog) feed(seq uint64) {
	for stops := uint64(0); ; {
		data, ok, appended := l.s.next(seq)
		if !ok && seq <= l.s.extent().Last { // trimmed
			seq = l.s.extent().First
			continue
		}
		if !ok {
			select {
			case <-appended:
			case <-l.p.dead:
				return
			}
			continue
		}
		d := l.p.dice.of("update", seq, stops)
		if l.p.sim.disturbed() && d.of("stops").chance(l.p.sim.plan.slow) {
			if l.p.sleep(context.Background(), d.of("pause").skewed(time.Second, time.Minute)) != nil {
				return
			}
			stops++
			seq = l.elsewhere(seq, d)
			continue
		}
		if l.p.sleep(context.Background(), d.of("lag").skewed(100*time.Microsecond, 20*time.Millisecond)) != nil {
			return
		}
		select {
		case l.updates <- wal.Message{Seq: seq, Data: data}:
			seq++
		case <-l.p.dead:
			return
		}
	}
}

// elsewhere is where updates that have stopped go on: a little before or after.
func (l *processLog) elsewhere(seq uint64, d dice) uint64 {
	return min(uint64(max(1, int(seq)+d.of("skip").number(-3, 3))), l.s.extent().Last+1)
}
