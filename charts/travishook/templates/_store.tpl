{{/* "true" if the store is in a NATS cluster, so that the operator is a Deployment. */}}
{{- define "travishook.external" -}}
{{- if kindIs "map" (dig "store" "external" "" .Values.config) }}true{{ end }}
{{- end }}

{{- define "travishook.replicas" -}}
{{- if include "travishook.external" . }}
{{- .Values.replicas | default 3 }}
{{- else if gt (int .Values.replicas) 1 }}
{{- fail (printf "replicas: %v operators cannot share the embedded store; set config.store.external to an existing NATS cluster, or remove replicas" .Values.replicas) }}
{{- else }}1
{{- end }}
{{- end }}

{{- define "travishook.natsFolder" -}}
/var/run/travishook/nats
{{- end }}

{{/* The part of store.external that names the files mounted for the NATS cluster. */}}
{{- define "travishook.natsFiles" -}}
{{- $folder := include "travishook.natsFolder" . }}
{{- $files := dict }}
{{- with .Values.store.external }}
{{- if .credentials.secretName }}{{ $_ := set $files "credentialsFile" (print $folder "/user.creds") }}{{ end }}
{{- if .ca.secretName }}{{ $_ := set $files "caFile" (print $folder "/ca.crt") }}{{ end }}
{{- if .tls.secretName }}{{ $_ := set $files "tls" (dict "certFile" (print $folder "/tls.crt") "keyFile" (print $folder "/tls.key")) }}{{ end }}
{{- end }}
{{- $external := dig "store" "external" "" .Values.config }}
{{- range $setting, $_ := $files }}
{{- $value := get (dict "credentialsFile" "credentials" "caFile" "ca" "tls" "tls") $setting }}
{{- if not $external }}
{{- fail (printf "store.external.%s: it needs a NATS cluster: set config.store.external.url, or remove it" $value) }}
{{- else if hasKey $external $setting }}
{{- fail (printf "config.store.external.%s: store.external.%s sets it to the mounted file; remove one of them" $setting $value) }}
{{- end }}
{{- end }}
{{- $files | toYaml }}
{{- end }}

{{/* The volume with these files. */}}
{{- define "travishook.natsVolume" -}}
{{- with .Values.store.external }}
{{- if or .credentials.secretName .ca.secretName .tls.secretName -}}
- name: nats
  projected:
    defaultMode: 0440
    sources:
    {{- if .credentials.secretName }}
    - secret:
        name: {{ .credentials.secretName }}
        items: [{key: {{ .credentials.key }}, path: user.creds}]
    {{- end }}
    {{- if .ca.secretName }}
    - secret:
        name: {{ .ca.secretName }}
        items: [{key: {{ .ca.key }}, path: ca.crt}]
    {{- end }}
    {{- if .tls.secretName }}
    - secret:
        name: {{ .tls.secretName }}
        items: [{key: {{ .tls.cert }}, path: tls.crt}, {key: {{ .tls.key }}, path: tls.key}]
    {{- end }}
{{- end }}
{{- end }}
{{- end }}
