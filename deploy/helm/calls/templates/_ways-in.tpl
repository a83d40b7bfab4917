{{/* An ingress: dict "root" $ "name" … "ingress" … "host" … "paths" … */}}
{{- define "calls.ingress" -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ include "calls.fullname" .root }}-{{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "calls.labels" .root | nindent 4 }}
  {{- with .ingress.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .ingress.className }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- with .ingress.tlsSecret }}
  tls:
    - hosts: [{{ $.host | quote }}]
      secretName: {{ . }}
  {{- end }}
  rules:
    - host: {{ .host | quote }}
      http:
        paths:
          {{- range .paths }}
          - path: {{ . }}
            pathType: Prefix
            backend:
              service:
                name: {{ include "calls.fullname" $.root }}
                port:
                  name: http
          {{- end }}
{{- end }}

{{/* The same as a route of the Gateway API. */}}
{{- define "calls.httpRoute" -}}
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: {{ include "calls.fullname" .root }}-{{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "calls.labels" .root | nindent 4 }}
spec:
  parentRefs:
    {{- toYaml .route.parentRefs | nindent 4 }}
  hostnames: [{{ .host | quote }}]
  rules:
    - matches:
        {{- range .paths }}
        - path:
            type: PathPrefix
            value: {{ . }}
        {{- end }}
      backendRefs:
        - name: {{ include "calls.fullname" .root }}
          port: {{ .root.Values.service.port }}
{{- end }}
