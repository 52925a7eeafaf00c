// Package version returns the version of the running program.
package version

import "runtime/debug"

// release is the version of a release. hack/release.sh has the linker set it.
var release string

// String returns the version of the release, such as v1.2.3. For a program that is not part of one it
// returns what Go stamped into it: the tag of the commit, else a pseudo-version with the commit's time and
// hash, with +dirty after it if files had changed; (devel) if it was not compiled in a git checkout.
func String() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
