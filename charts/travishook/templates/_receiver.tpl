{{/* The name of the receiver's port, which is its protocol: meshes and ingresses go by it. */}}
{{- define "travishook.scheme" -}}
{{- ternary "https" "http" (or (not (empty .Values.receiver.tls.secretName)) (kindIs "map" (dig "receiver" "tls" "" .Values.config))) }}
{{- end }}

{{- define "travishook.servicePort" -}}
{{- .Values.service.port | default (ternary 443 80 (eq (include "travishook.scheme" .) "https")) }}
{{- end }}

{{- define "travishook.receiverFolder" -}}
/var/run/travishook/receiver
{{- end }}

{{/* The settings of the receiver that the chart knows. */}}
{{- define "travishook.receiverSettings" -}}
{{- $settings := dict }}
{{- with include "travishook.publicURL" . }}{{ $_ := set $settings "publicURL" . }}{{ end }}
{{- if .Values.receiver.tls.secretName }}
{{- if hasKey (dig "receiver" dict .Values.config) "tls" }}
{{- fail "config.receiver.tls: receiver.tls sets it to what it mounts; leave one of them out" }}
{{- end }}
{{- $folder := include "travishook.receiverFolder" . }}
{{- $_ := set $settings "tls" (dict "certFile" (print $folder "/tls.crt") "keyFile" (print $folder "/tls.key")) }}
{{- end }}
{{- $settings | toYaml }}
{{- end }}

{{- define "travishook.pathPrefix" -}}
{{- dig "receiver" "pathPrefix" "/travis" .Values.config }}
{{- end }}

{{/* The URL that people write into .travis.yml, or nothing where the chart cannot know it. */}}
{{- define "travishook.publicURL" -}}
{{- $own := dig "receiver" "publicURL" "" .Values.config }}
{{- $passed := eq (toString (get .Values.ingress.annotations "nginx.ingress.kubernetes.io/ssl-passthrough")) "true" }}
{{- if $own }}
{{- $own }}
{{- else if and .Values.ingress.enabled .Values.ingress.host }}
{{- printf "%s://%s%s" (ternary "https" "http" (or $passed (not (empty .Values.ingress.tls)))) .Values.ingress.host (include "travishook.pathPrefix" .) }}
{{- end }}
{{- end }}

{{/*
The seconds that the pod has to end: the receiver lingers, and then everything has its bound, together
70 s. A test in internal/app holds that to these bounds.
*/}}
{{- define "travishook.stopSeconds" -}}
{{- $zero := toDate "2006-01-02" "2000-01-01" }}
{{- $lingered := mustDateModify (dig "receiver" "linger" "5s" .Values.config) $zero }}
{{- sub (unixEpoch $lingered) (unixEpoch $zero) | add 70 }}
{{- end }}
