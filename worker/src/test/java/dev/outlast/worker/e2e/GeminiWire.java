package dev.outlast.worker.e2e;

import static dev.outlast.worker.e2e.ModelResponse.fill;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.Instant;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** Google's Gemini API, as Gemini CLI uses it. */
final class GeminiWire implements Wire {

  /** The daily quota of an API key. The agent ends and does not say when the quota returns. */
  static ModelResponse dailyQuota(Instant reset, Instant now) {
    return exhausted(
        "You exceeded your current quota, please check your plan and billing details.",
        fill(
            """
            {'@type': 'type.googleapis.com/google.rpc.QuotaFailure', 'violations': [{
              'quotaMetric': 'generativelanguage.googleapis.com/generate_content_free_tier_requests',
              'quotaId': 'GenerateRequestsPerDayPerProjectPerModel-FreeTier', 'quotaValue': '50'}]}
            """),
        retry(reset, now));
  }

  /** A quota whose service asks for a retry. The agent ends where that is minutes away. */
  static ModelResponse retryLater(Instant reset, Instant now) {
    return exhausted("Resource has been exhausted (e.g. check quota).", retry(reset, now));
  }

  /** The quota of a Google account. The agent sleeps in its process until it returns. */
  static ModelResponse exhaustedCapacity(Instant reset, Instant now) {
    Duration left = Duration.between(now, reset);
    return exhausted(
        "You have exhausted your capacity on this model. Your quota will reset after %dm%ds."
            .formatted(left.toMinutes(), left.toSecondsPart()),
        fill(
            """
            {'@type': 'type.googleapis.com/google.rpc.ErrorInfo', 'reason': 'QUOTA_EXHAUSTED',
             'domain': 'cloudcode-pa.googleapis.com',
             'metadata': {'uiMessage': 'true', 'quotaResetDelay': %s, 'quotaResetTimeStamp': %s}}
            """,
            left.toSeconds() + "s", Instant.ofEpochSecond(reset.getEpochSecond()).toString()),
        retry(reset, now));
  }

  @Override
  public ModelResponse throttle() {
    Instant now = Instant.now();
    return exhausted(
        "You exceeded your current quota.\nPlease retry in 2s.",
        fill(
            """
            {'@type': 'type.googleapis.com/google.rpc.QuotaFailure', 'violations': [{
              'quotaId': 'GenerateRequestsPerMinutePerProjectPerModel-FreeTier', 'quotaValue': '5'}]}
            """),
        retry(now.plusSeconds(2), now));
  }

  private static JsonNode retry(Instant reset, Instant now) {
    return fill(
        "{'@type': 'type.googleapis.com/google.rpc.RetryInfo', 'retryDelay': %s}",
        Duration.between(now, reset).toSeconds() + "s");
  }

  private static ModelResponse exhausted(String message, JsonNode... details) {
    return ModelResponse.json(
        429,
        fill(
            """
            {'error': {'code': 429, 'status': 'RESOURCE_EXHAUSTED', 'message': %s, 'details': %s}}
            """,
            message, details));
  }

  @Override
  public boolean serves(String path) {
    return path.endsWith(":generateContent") || path.endsWith(":streamGenerateContent");
  }

  @Override
  public boolean aside(ModelRequest request) {
    return wantsJson(request) || request.body().path("tools").isEmpty();
  }

  @Override
  public JsonNode messages(ModelRequest request) {
    return request.body().path("contents");
  }

  @Override
  public ModelResponse text(ModelRequest request, String text) {
    // Who speaks next, and which model is to answer: the agent asks for such decisions as JSON.
    String decision =
        """
        {"reasoning": "-", "next_speaker": "user", "model_choice": "flash",
         "complexity_reasoning": "-", "complexity_score": 1}
        """;
    return part(request, fill("{'text': %s}", wantsJson(request) ? decision : text));
  }

  @Override
  public ModelResponse command(ModelRequest request, String command) {
    ShellTool shell =
        ShellTool.among(
            StreamSupport.stream(request.body().path("tools").spliterator(), false)
                .flatMap(GeminiWire::functions)
                .map(
                    tool ->
                        new ShellTool(
                            tool.path("name").asText(),
                            tool.has("parametersJsonSchema")
                                ? tool.path("parametersJsonSchema")
                                : tool.path("parameters")))
                .toList());
    return part(
        request,
        fill("{'functionCall': {'name': %s, 'args': %s}}", shell.name(), shell.arguments(command)));
  }

  private static Stream<JsonNode> functions(JsonNode tool) {
    return StreamSupport.stream(tool.path("functionDeclarations").spliterator(), false);
  }

  private static boolean wantsJson(ModelRequest request) {
    return request
        .body()
        .path("generationConfig")
        .path("responseMimeType")
        .asText()
        .equals("application/json");
  }

  private static ModelResponse part(ModelRequest request, JsonNode part) {
    JsonNode answer =
        fill(
            """
            {'candidates': [{'content': {'role': 'model', 'parts': [%s]}, 'finishReason': 'STOP',
              'index': 0}],
             'usageMetadata': {'promptTokenCount': 12, 'candidatesTokenCount': 9,
               'totalTokenCount': 21},
             'modelVersion': 'a-model'}
            """,
            part);
    return request.path().endsWith(":streamGenerateContent")
        ? ModelResponse.stream(answer)
        : ModelResponse.json(200, answer);
  }
}
