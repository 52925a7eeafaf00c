{{/*
Checks across values that the schema cannot make. Each message names the value and what is allowed.
*/}}
{{- define "travishook.validate" -}}
{{- range $setting := list "receiver.maxAge" "receiver.linger" "trust.keyRefresh" "trust.keyOverlap" "store.keepDead" "delivery.retryFor" }}
{{- $path := splitList "." $setting }}
{{- with dig (first $path) (last $path) "" $.Values.config }}
{{- if regexMatch "^[0-9]+d$" . }}
{{- fail (printf "config.%s: %q is not a duration: use %dh" $setting . (mul 24 (trimSuffix "d" . | int))) }}
{{- else if not (regexMatch "^(0|([0-9]+([.][0-9]+)?(ms|s|m|h))+)$" .) }}
{{- fail (printf "config.%s: %q is not a duration: use one such as 90s, 15m or 24h" $setting .) }}
{{- end }}
{{- $zero := toDate "2006-01-02" "2000-01-01" }}
{{- $seconds := sub (unixEpoch (mustDateModify . $zero)) (unixEpoch $zero) }}
{{- if and (eq $setting "trust.keyRefresh") (lt $seconds 60) }}
{{- fail (printf "config.%s: %s is under 1m" $setting .) }}
{{- else if and (eq $setting "receiver.maxAge") (lt $seconds 60) (ne $seconds 0) }}
{{- fail (printf "config.%s: %s is under 1m; 0s is no limit" $setting .) }}
{{- else if and (eq $setting "receiver.linger") (gt $seconds 60) }}
{{- fail (printf "config.%s: %s is not between 0s and 1m" $setting .) }}
{{- else if and (eq $setting "receiver.linger") (gt $seconds 10) (not (include "travishook.external" $)) }}
{{- fail (printf "config.receiver.linger: %s is over 10s, and with the embedded store the next pod holds webhooks as long" .) }}
{{- else if and (eq $setting "store.keepDead") (lt $seconds 3600) }}
{{- fail (printf "config.%s: %s is under 1h" $setting .) }}
{{- end }}
{{- end }}
{{- end }}
{{- if regexMatch "[/:]" .Values.ingress.host }}
{{- fail (printf "ingress.host: %q is not a host name: omit the scheme, the port and the path, as in hooks.example.com" .Values.ingress.host) }}
{{- end }}
{{- if not (include "travishook.external" .) }}
{{- $limit := dig "store" "maxSize" "1Gi" .Values.config }}
{{- $need := mulf 1.5 (include "travishook.bytes" $limit | float64) }}
{{- if lt (include "travishook.bytes" .Values.store.size | float64) $need }}
{{- fail (printf "store.size: %s is too small for config.store.maxSize (%v), which needs a volume of 1.5 times that size: set store.size to %.0fMi or more, or lower config.store.maxSize" .Values.store.size $limit (divf $need 1048576.0)) }}
{{- end }}
{{- end }}
{{- with dig "limits" "memory" "" .Values.resources }}
{{- if lt (include "travishook.bytes" . | float64) 134217728.0 }}
{{- fail (printf "resources.limits.memory: %v is too small: the operator needs 128Mi or more" .) }}
{{- end }}
{{- $memory := dig "store" "maxMemory" "" $.Values.config }}
{{- if and $memory (gt (include "travishook.bytes" $memory | float64) (mulf 0.6 (include "travishook.bytes" . | float64))) }}
{{- fail (printf "config.store.maxMemory: %v is more than 60%% of resources.limits.memory (%v): lower it, or raise the limit" $memory .) }}
{{- end }}
{{- end }}
{{- end }}

{{/* A Kubernetes quantity as a number of bytes. The API server writes 1.3Gi as 1395864371200m, and 1024Ti as 1Pi. */}}
{{- define "travishook.bytes" -}}
{{- $text := toString . }}
{{- $unit := regexFind "[A-Za-z]*$" $text }}
{{- $units := dict "m" 1e-3 "" 1.0 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18
  "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0 "Ei" 1152921504606846976.0 }}
{{- if not (hasKey $units $unit) }}
{{- fail (printf "%q is not a size: use one such as 512Mi or 2Gi" $text) }}
{{- end }}
{{- printf "%.0f" (mulf (trimSuffix $unit $text | float64) (get $units $unit)) }}
{{- end }}

{{/* 90 % of the memory limit, for the Go runtime: it collects garbage before the kernel ends the process. */}}
{{- define "travishook.goMemoryLimit" -}}
{{- with dig "limits" "memory" "" .Values.resources }}
{{- printf "%.0f" (mulf 0.9 (include "travishook.bytes" . | float64)) }}
{{- end }}
{{- end }}
