// Module of a tool: licenses, which checks the licenses of what the programs contain and collects their texts.
module github.com/travishook/travishook/hack/tools/licenses

go 1.26.0

require github.com/google/licensecheck v0.3.1
