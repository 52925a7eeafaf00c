package render

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// checkRevision is increased with each change of the mistakes that Compile or Check finds.
const checkRevision = 1

// Version changes whenever Compile or Check may return another result for the same template: results that
// were stored with another version are not valid.
func Version() string {
	h := sha256.New()
	fmt.Fprintln(h, checkRevision, MaxTemplate, maxText, maxCalls, maxJobs, maxWork)
	for _, v := range variables {
		fmt.Fprintln(h, v.Name, v.GoOnly)
	}
	for _, f := range functions {
		fmt.Fprintln(h, f.Name)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
