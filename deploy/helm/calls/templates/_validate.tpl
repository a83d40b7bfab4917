{{/* Rules that the schema cannot express: keys that need or exclude one another. */}}
{{- define "calls.validate" -}}
{{- $v := .Values }}
{{- if not (or $v.secrets.existingSecret $v.secrets.externalSecret.enabled) }}
{{- fail (print "secrets.existingSecret is empty. Name the secret with Twilio's tokens, or enable secrets.externalSecret."
      " The chart makes no secret from values.") }}
{{- end }}
{{- if and $v.secrets.existingSecret $v.secrets.externalSecret.enabled }}
{{- fail "secrets.existingSecret and secrets.externalSecret.enabled exclude one another. Set only one of them." }}
{{- end }}
{{- if $v.secrets.externalSecret.enabled }}
{{- if not $v.secrets.externalSecret.storeRef.name }}{{ fail "secrets.externalSecret.storeRef.name is empty." }}{{ end }}
{{- if not $v.secrets.externalSecret.data }}
{{- fail "secrets.externalSecret.data is empty. List the keys that the operator must fetch." }}
{{- end }}
{{- end }}
{{- $ways := 0 }}
{{- $inSecrets := or (hasKey $v.secrets.keys "ConnectionStrings__Redis")
      (and $v.secrets.externalSecret.enabled (hasKey $v.secrets.externalSecret.data "ConnectionStrings__Redis")) }}
{{- range list $v.redis.connectionString $v.redis.existingSecret.name $v.redis.trial.enabled $inSecrets }}
{{- if . }}{{ $ways = add1 $ways }}{{ end }}
{{- end }}
{{- if ne (int $ways) 1 }}
{{- fail (print "Exactly one of redis.connectionString, redis.existingSecret.name, redis.trial.enabled and the file"
      " ConnectionStrings__Redis (secrets.keys, secrets.externalSecret.data) says where Redis is.") }}
{{- end }}
{{- if and $v.autoscaling.enabled (gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas)) }}
{{- fail "autoscaling.minReplicas is more than autoscaling.maxReplicas." }}
{{- end }}
{{- if and $v.autoscaling.enabled (eq (include "calls.autoscaling.source" .) "cpu")
      (not (or $v.autoscaling.targetCPUUtilizationPercentage $v.autoscaling.metrics)) }}
{{- fail (print "autoscaling.enabled is set without a metric. Set autoscaling.source to keda or external, or set"
      " autoscaling.targetCPUUtilizationPercentage or autoscaling.metrics.") }}
{{- end }}
{{- if and $v.autoscaling.enabled (eq $v.autoscaling.source "keda") (not $v.autoscaling.keda.serverAddress) }}
{{- fail "autoscaling.keda.serverAddress is empty. KEDA reads live calls from Prometheus: name its address." }}
{{- end }}
{{- if and $v.autoscaling.metrics (eq (include "calls.autoscaling.source" .) "keda") }}
{{- fail "autoscaling.metrics has the form of an HPA. With KEDA it is not used: leave it empty, or set autoscaling.source to external." }}
{{- end }}
{{- if lt (int $v.shutdown.terminationGracePeriodSeconds) (add (int $v.shutdown.preStopSleepSeconds) 25 | int) }}
{{- fail "shutdown.terminationGracePeriodSeconds is too short. It must be at least shutdown.preStopSleepSeconds and 25 s more." }}
{{- end }}
{{- if and (or $v.api.ingress.enabled $v.api.httpRoute.enabled) (not $v.api.host) }}
{{- fail "api.host is empty. Set the host name of the API for the frontend." }}
{{- end }}
{{- if and $v.webhooks.httpRoute.enabled (not $v.webhooks.httpRoute.parentRefs) }}
{{- fail "webhooks.httpRoute.parentRefs is empty. Name the gateway." }}
{{- end }}
{{- if and $v.api.httpRoute.enabled (not $v.api.httpRoute.parentRefs) }}
{{- fail "api.httpRoute.parentRefs is empty. Name the gateway." }}
{{- end }}
{{- if and $v.networkPolicy.enabled (not $v.networkPolicy.redis.to) (not $v.redis.trial.enabled) }}
{{- fail "networkPolicy.redis.to is empty. With networkPolicy.enabled the pods reach Redis only if it is named here." }}
{{- end }}
{{- if and $v.networkPolicy.enabled $v.otlp.endpoint (not $v.networkPolicy.collector.to) }}
{{- fail "networkPolicy.collector.to is empty. With networkPolicy.enabled the pods reach the collector only if it is named here." }}
{{- end }}
{{- if and $v.networkPolicy.enabled (not $v.networkPolicy.ingressFrom) }}
{{- fail (print "networkPolicy.ingressFrom is empty. With networkPolicy.enabled only the peers named here reach the service."
      " Name your ingress controller.") }}
{{- end }}
{{- if and $v.networkPolicy.enabled (not $v.networkPolicy.monitoringFrom) }}
{{- fail (print "networkPolicy.monitoringFrom is empty. With networkPolicy.enabled Prometheus reads no metrics, and no alert fires,"
      " unless it is named here.") }}
{{- end }}
{{- if not $v.image.repository }}
{{- fail (print "image.repository is empty. Build the image and push it to a registry of yours, as the README of the chart says,"
      " and name the repository here.") }}
{{- end }}
{{- end }}

{{/* Two spellings of one key, such as config.extra and another value, would be two variables. The service would take only one. */}}
{{- define "calls.validate.settings" -}}
{{- $seen := dict }}
{{- range (splitList "\ndata:\n" . | last | splitList "\n") }}
{{- $key := regexFind "^  [^#: ]+: " . | trim | trimSuffix ":" }}
{{- if $key }}
{{- if hasKey $seen ($key | lower) }}
{{- fail (printf "The setting %s is given twice. Give it in one value only, not also in config.extra or in another spelling." $key) }}
{{- end }}
{{- $_ := set $seen ($key | lower) true }}
{{- end }}
{{- end }}
{{- end }}
