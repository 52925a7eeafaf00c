package xmpp_test

import (
	"testing"

	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/notify/xmpp/xmpptest"
)

func TestContract(t *testing.T) { notifytest.Run(t, xmpptest.Harness{}) }
