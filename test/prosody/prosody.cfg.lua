-- A server for one test: everything in one folder, clients only, no other servers.
run_as_root = true
data_path = "{{.Dir}}/data"
pidfile = "{{.Dir}}/prosody.pid"
plugin_paths = { "{{.Dir}}/modules" }
log = { info = "*stdout" }

interfaces = { "{{.Host}}" }
c2s_ports = { {{.Port}} }
modules_enabled = { "posix", "saslauth", {{if not .NoTLS}}"tls", {{end}}"disco", "ping", "travishook_sessions" }
modules_disabled = { "s2s" }

authentication = "internal_plain" -- the server still offers SCRAM
c2s_require_encryption = {{not .NoTLS}}
{{if .PlainOnly -}}
disable_sasl_mechanisms = { "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS" }
{{else -}}
disable_sasl_mechanisms = { "PLAIN" }
{{end -}}
ssl = { certificate = "{{.Dir}}/server.crt", key = "{{.Dir}}/server.key" }

VirtualHost "{{.Domain}}"

Component "{{.Rooms}}" "muc"
	modules_enabled = { "travishook_faults" }

Component "{{.Restricted}}" "muc"
	restrict_room_creation = true
