{{- define "calls.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "calls.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* The labels of selectors. They contain no version, because a selector cannot change. */}}
{{- define "calls.release" -}}
app.kubernetes.io/name: {{ include "calls.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "calls.selector" -}}
{{ include "calls.release" . }}
app.kubernetes.io/component: service
{{- end }}

{{- define "calls.labels" -}}
{{ include "calls.release" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: calls
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "calls.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- define "calls.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "calls.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "calls.secret" -}}
{{- if .Values.secrets.externalSecret.enabled }}
{{- printf "%s-secrets" (include "calls.fullname" .) }}
{{- else }}
{{- .Values.secrets.existingSecret }}
{{- end }}
{{- end }}

{{- define "calls.redis.inline" -}}
{{- if .Values.redis.trial.enabled }}
{{- printf "%s-redis-trial:6379" (include "calls.fullname" .) }}
{{- else }}
{{- .Values.redis.connectionString }}
{{- end }}
{{- end }}

{{/* The minimum number of replicas. */}}
{{- define "calls.leastReplicas" -}}
{{- if .Values.autoscaling.enabled }}{{ int .Values.autoscaling.minReplicas }}{{ else }}{{ int .Values.replicaCount }}{{ end }}
{{- end }}

{{- define "calls.webhooks.host" -}}
{{- (urlParse .Values.config.publicBaseUrl).hostname }}
{{- end }}

{{- define "calls.webhooks.paths" -}}
- /twilio
{{- if .Values.webhooks.tutorialPaths }}
- /makeCall
- /joinConf
- /leave
- /completeCall
{{- end }}
{{- end }}

{{- define "calls.api.paths" -}}
- /v1
- /docs
- /openapi
{{- if .Values.webhooks.tutorialPaths }}
- /addUser
{{- end }}
{{- end }}

{{- define "calls.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1654
runAsGroup: 1654
fsGroup: 1654
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "calls.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "calls.resourceAttributes" -}}
service.namespace=calls,service.instance.id=$(POD_NAME),k8s.pod.name=$(POD_NAME)
{{- print ",k8s.namespace.name=$(POD_NAMESPACE),k8s.node.name=$(NODE_NAME)" }}
{{- range $key, $value := .Values.otlp.resourceAttributes }},{{ $key }}={{ $value }}{{ end }}
{{- end }}

{{/* Where live calls are read: keda, external or cpu. KEDA is an external metrics adapter too, so it is asked for first. */}}
{{- define "calls.autoscaling.source" -}}
{{- if ne .Values.autoscaling.source "auto" }}
{{- .Values.autoscaling.source }}
{{- else if .Capabilities.APIVersions.Has "keda.sh/v1alpha1" }}
{{- ternary "keda" "cpu" (ne .Values.autoscaling.keda.serverAddress "") }}
{{- else if .Capabilities.APIVersions.Has "external.metrics.k8s.io/v1beta1" }}
{{- print "external" }}
{{- else }}
{{- print "cpu" }}
{{- end }}
{{- end }}
