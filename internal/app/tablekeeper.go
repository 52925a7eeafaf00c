package app

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/internal/queue/keyvalue"
	"github.com/travishook/travishook/internal/routing"
)

const (
	// tableBucket is the bucket of the store that holds the last table, in pieces.
	tableBucket = "table"
	// tableHead is the key of the head, which lists the pieces.
	tableHead = "head"
	// tablePiece is the largest piece, in bytes: the store's messages are small.
	tablePiece = 128 << 10
	// tableEvery is how often a changed table is saved. After a crash, a replica that starts without the
	// API server lacks the changes since.
	tableEvery = 10 * time.Second
	// tableLargest is the largest table that is saved, packed. It takes twice as much of the store that
	// events need, too, and tenants decide how large the table is.
	tableLargest = 8 << 20
	// tableMost limits the bytes that are read back, in case the head is damaged.
	tableMost = 1 << 30
)

// errNoTable means that no table was saved yet.
var errNoTable = errors.New("no table was saved")

// tableKeeper keeps the last table in the store, so that a replica can receive although the API server is
// unavailable when it starts.
type tableKeeper struct {
	store    keyvalue.Store
	compiler *routing.Compiler
	scope    scope
	turn     func() bool // whether it is this replica that writes: two at once would mix their pieces
	log      logr.Logger
}

// head lists the pieces. Two sets of keys are used in turn, so that a crash while one is written leaves
// the other intact.
type head struct {
	Place  string `json:"place"`
	Pieces int    `json:"pieces"`
	Sum    []byte `json:"sum"` // SHA-256 over the pieces
}

// restore loads the last table into the compiler.
func (k tableKeeper) restore() error {
	h, err := k.head()
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	for i := range h.Pieces {
		piece, ok := k.store.Get(tableBucket, h.Place+strconv.Itoa(i))
		if !ok {
			return fmt.Errorf("the last routing table lacks piece %d of %d", i+1, h.Pieces)
		}
		packed.Write(piece)
	}
	if sum := sha256.Sum256(packed.Bytes()); !bytes.Equal(sum[:], h.Sum) {
		return errors.New("the last routing table is damaged")
	}
	unpack, err := gzip.NewReader(&packed)
	if err != nil {
		return fmt.Errorf("unpack the last routing table: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(unpack, tableMost))
	if err != nil {
		return fmt.Errorf("unpack the last routing table: %w", err)
	}
	if err := k.compiler.Restore(data); err != nil {
		return err
	}
	k.forgetUnwatched()
	return nil
}

// forgetUnwatched removes what the last process watched and this one does not, because the settings have
// changed: no event would report that it was deleted, and it is none of the operator's business now.
func (k tableKeeper) forgetUnwatched() {
	if k.scope.wholeCluster() {
		return
	}
	held, watched := k.compiler.Objects(), k.scope.watched()
	each := func(keys []types.NamespacedName, remove func(types.NamespacedName)) {
		for _, key := range keys {
			if !slices.Contains(watched, key.Namespace) {
				remove(key)
			}
		}
	}
	each(held.Routes, k.compiler.DeleteRoute)
	each(held.Defaults, k.compiler.DeleteDefaults)
	each(held.Secrets, k.compiler.DeleteSecret)
	for _, name := range held.Namespaces {
		k.compiler.DeleteNamespace(name)
	}
}

func (k tableKeeper) head() (head, error) {
	value, ok := k.store.Get(tableBucket, tableHead)
	if !ok {
		return head{}, errNoTable
	}
	var h head
	if err := json.Unmarshal(value, &h); err != nil {
		return head{}, fmt.Errorf("read the head of the last routing table: %w", err)
	}
	return h, nil
}

// errTableTooLarge is returned for a table that exceeds tableLargest.
var errTableTooLarge = errors.New("the routing table is too large to be saved")

// run saves the table whenever it has changed, until ctx ends.
func (k tableKeeper) run(ctx context.Context) {
	tick := time.NewTicker(tableEvery)
	defer tick.Stop()
	var saved *routing.Table
	for {
		if table := k.compiler.Table(); table != saved && k.turn() {
			if err := k.save(ctx); err == nil {
				saved = table
			} else if errors.Is(err, errTableTooLarge) {
				saved = table
				k.log.Error(err, "the routing table is not saved: a replica that starts without the API server has an older one")
			} else if ctx.Err() == nil {
				k.log.Error(err, "saving the routing table failed, retrying")
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// save saves the table unless it is stored already.
func (k tableKeeper) save(ctx context.Context) error {
	data, err := k.compiler.Snapshot()
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	pack := gzip.NewWriter(&packed)
	_, err = pack.Write(data)
	if err := errors.Join(err, pack.Close()); err != nil {
		return fmt.Errorf("pack the routing table: %w", err)
	}
	if n := packed.Len(); n > tableLargest {
		return fmt.Errorf("%w: it takes %d bytes, and the limit is %d", errTableTooLarge, n, tableLargest)
	}
	sum := sha256.Sum256(packed.Bytes())
	old, _ := k.head()
	if bytes.Equal(old.Sum, sum[:]) {
		return nil
	}
	next := head{Place: "a/", Sum: sum[:]}
	if old.Place == next.Place {
		next.Place = "b/"
	}
	for packed.Len() > 0 {
		key := next.Place + strconv.Itoa(next.Pieces)
		if err := k.store.Put(ctx, tableBucket, key, bytes.Clone(packed.Next(tablePiece))); err != nil {
			return fmt.Errorf("store the routing table: %w", err)
		}
		next.Pieces++
	}
	value, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("store the routing table: %w", err)
	}
	if err := k.store.Put(ctx, tableBucket, tableHead, value); err != nil {
		return fmt.Errorf("store the routing table: %w", err)
	}
	return nil
}
