package dev.outlast.worker.e2e;

import static dev.outlast.worker.e2e.ModelResponse.fill;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.stream.StreamSupport;

/** OpenAI's Responses API, as Codex uses it with a ChatGPT plan. */
final class ResponsesWire implements Wire {

  private static final Duration WEEK = Duration.ofDays(7);

  /** The 5-hour limit, whose reset the body and the headers name to the second. */
  static ModelResponse fiveHourLimit(Instant reset, Instant now) {
    return ModelResponse.json(
            429,
            fill(
                """
                {'error': {'type': 'usage_limit_reached', 'message': 'The usage limit has been reached',
                  'plan_type': 'plus', 'resets_at': %s, 'resets_in_seconds': %s}}
                """,
                reset.getEpochSecond(), Duration.between(now, reset).toSeconds()))
        .with(windows(100, reset));
  }

  @Override
  public ModelResponse throttle() {
    return ModelResponse.json(
            429,
            fill(
                """
                {'error': {'type': 'tokens', 'code': 'rate_limit_exceeded', 'param': null,
                  'message': 'Rate limit reached for tokens per min. Please try again in 1.054s.'}}
                """))
        .with(Map.of("retry-after", "1"));
  }

  /** The headers that say how much of the allowance is used. */
  private static Map<String, String> windows(int percent, Instant reset) {
    return Map.of(
        "x-codex-active-limit",
        "premium",
        "x-codex-plan-type",
        "plus",
        "x-codex-primary-used-percent",
        Integer.toString(percent),
        "x-codex-primary-window-minutes",
        "300",
        "x-codex-primary-reset-at",
        Long.toString(reset.getEpochSecond()),
        "x-codex-secondary-used-percent",
        "42",
        "x-codex-secondary-window-minutes",
        Long.toString(WEEK.toMinutes()),
        "x-codex-secondary-reset-at",
        Long.toString(reset.plus(WEEK).getEpochSecond()));
  }

  @Override
  public Map<String, String> allowance(Instant reset) {
    return windows(12, reset);
  }

  @Override
  public boolean serves(String path) {
    return path.endsWith("/responses");
  }

  @Override
  public boolean aside(ModelRequest request) {
    return request.body().path("tools").isEmpty();
  }

  @Override
  public JsonNode messages(ModelRequest request) {
    return request.body().path("input");
  }

  @Override
  public ModelResponse text(ModelRequest request, String text) {
    return item(
        request,
        fill(
            """
            {'type': 'message', 'id': %s, 'role': 'assistant', 'status': 'completed',
             'content': [{'type': 'output_text', 'text': %s, 'annotations': []}]}
            """,
            ModelResponse.id("msg_"), text));
  }

  @Override
  public ModelResponse command(ModelRequest request, String command) {
    ShellTool shell =
        ShellTool.among(
            StreamSupport.stream(request.body().path("tools").spliterator(), false)
                .map(tool -> new ShellTool(tool.path("name").asText(), tool.path("parameters")))
                .toList());
    return item(
        request,
        fill(
            """
            {'type': 'function_call', 'id': %s, 'call_id': %s, 'name': %s, 'arguments': %s,
             'status': 'completed'}
            """,
            ModelResponse.id("fc_"),
            ModelResponse.id("call_"),
            shell.name(),
            shell.arguments(command).toString()));
  }

  private static ModelResponse item(ModelRequest request, JsonNode item) {
    String response =
        """
        {'id': %s, 'object': 'response', 'status': %s, 'model': %s, 'output': %s, 'usage': %s}
        """;
    JsonNode usage =
        fill(
            """
            {'input_tokens': 12, 'input_tokens_details': {'cached_tokens': 0}, 'output_tokens': 9,
             'output_tokens_details': {'reasoning_tokens': 0}, 'total_tokens': 21}
            """);
    String id = ModelResponse.id("resp_");
    return ModelResponse.stream(
        fill(
            "{'type':'response.created','response':%s}",
            fill(response, id, "in_progress", request.model(), fill("[]"), null)),
        fill("{'type':'response.output_item.done','output_index':0,'item':%s}", item),
        fill(
            "{'type':'response.completed','response':%s}",
            fill(response, id, "completed", request.model(), fill("[%s]", item), usage)));
  }
}
