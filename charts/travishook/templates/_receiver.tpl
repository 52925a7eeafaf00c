{{/* The name of the receiver's port is its protocol, which meshes and ingresses use. */}}
{{- define "travishook.scheme" -}}
{{- ternary "https" "http" (or (not (empty .Values.receiver.tls.secretName)) (kindIs "map" (dig "receiver" "tls" "" .Values.config))) }}
{{- end }}

{{- define "travishook.servicePort" -}}
{{- .Values.service.port | default (ternary 443 80 (eq (include "travishook.scheme" .) "https")) }}
{{- end }}

{{- define "travishook.receiverFolder" -}}
/var/run/travishook/receiver
{{- end }}

{{/* The receiver's settings that follow from other values. */}}
{{- define "travishook.receiverSettings" -}}
{{- $settings := dict }}
{{- with include "travishook.publicURL" . }}{{ $_ := set $settings "publicURL" . }}{{ end }}
{{- if .Values.receiver.tls.secretName }}
{{- if hasKey (dig "receiver" dict .Values.config) "tls" }}
{{- fail "config.receiver.tls: receiver.tls sets it to the mounted file; remove one of them" }}
{{- end }}
{{- $folder := include "travishook.receiverFolder" . }}
{{- $_ := set $settings "tls" (dict "certFile" (print $folder "/tls.crt") "keyFile" (print $folder "/tls.key")) }}
{{- end }}
{{- $settings | toYaml }}
{{- end }}

{{- define "travishook.pathPrefix" -}}
{{- dig "receiver" "pathPrefix" "/travis" .Values.config }}
{{- end }}

{{/* The webhook URL for .travis.yml; empty if the chart cannot know it. */}}
{{- define "travishook.publicURL" -}}
{{- $own := dig "receiver" "publicURL" "" .Values.config }}
{{- $passed := eq (toString (get .Values.ingress.annotations "nginx.ingress.kubernetes.io/ssl-passthrough")) "true" }}
{{- if $own }}
{{- $own }}
{{- else if and .Values.ingress.enabled .Values.ingress.host }}
{{- $tls := or $passed .Values.ingress.tls .Values.certificate.issuerRef }}
{{- printf "%s://%s%s" (ternary "https" "http" (not (empty $tls))) .Values.ingress.host (include "travishook.pathPrefix" .) }}
{{- else if and .Values.httpRoute.enabled .Values.httpRoute.hostnames }}
{{- printf "https://%s%s" (first .Values.httpRoute.hostnames) (include "travishook.pathPrefix" .) }}
{{- end }}
{{- end }}

{{/* The Secret that cert-manager writes the certificate into. */}}
{{- define "travishook.certificateSecret" -}}
{{- .Values.certificate.secretName | default (print (include "travishook.fullname" .) "-tls") }}
{{- end }}

{{/*
The pod's termination grace period: receiver.linger plus 70 s, the sum of the operator's own stop
timeouts. A test in internal/app compares it with them.
*/}}
{{- define "travishook.stopSeconds" -}}
{{- $zero := toDate "2006-01-02" "2000-01-01" }}
{{- $lingered := mustDateModify (dig "receiver" "linger" "5s" .Values.config) $zero }}
{{- sub (unixEpoch $lingered) (unixEpoch $zero) | add 70 }}
{{- end }}
