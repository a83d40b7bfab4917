# Makes twilio-openapi.json: what the tests look at in Twilio's description of the operations that the service uses.
# The description is spec/json/twilio_api_v2010.json of github.com/twilio/twilio-oai (MIT, (C) 2023 Twilio, Inc.), release 2.6.7,
# commit d50069b44ea8cd23141385bdb6db48f16ff75bb5:
#   jq --indent 1 -f twilio-openapi.jq twilio_api_v2010.json > twilio-openapi.json
def used: test("/Accounts/\\{AccountSid\\}/(Calls|Conferences)(/\\{(Sid|ConferenceSid)\\}(/Participants(/\\{CallSid\\})?)?)?\\.json$");
def form: {required, properties: .properties | map_values({})} | del(.required | nulls);
def body: {content: {"application/x-www-form-urlencoded": {schema: .content["application/x-www-form-urlencoded"].schema | form}}};
def operation: {operationId, parameters: [.parameters[] | {name, in}]}
  + (if .requestBody then {requestBody: .requestBody | body} else {} end);
def schema: {type, "$ref", enum, properties} | with_entries(select(.value != null))
  | if .properties then .properties |= map_values(schema) else . end;
def resource: test("^api\\.v2010\\.account\\.(call|conference|conference\\.participant)$|^(call|conference|participant)_enum_");
{
  paths: .paths | with_entries(select(.key | used))
    | map_values(with_entries(select(.key | IN("get", "post", "delete"))) | map_values(operation)),
  components: {schemas: .components.schemas | with_entries(select(.key | resource)) | map_values(schema)}
}
