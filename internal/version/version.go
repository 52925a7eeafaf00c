// Package version returns the version of the running program.
package version

import "runtime/debug"

// String returns the version that Go stamped into the program: the tag of the commit that it was
// compiled from, else a pseudo-version with the commit's time and hash, with +dirty after it if files
// had changed; (devel) if it was not compiled in a git checkout.
func String() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
