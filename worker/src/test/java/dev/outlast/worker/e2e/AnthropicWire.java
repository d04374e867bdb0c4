package dev.outlast.worker.e2e;

import static dev.outlast.worker.e2e.ModelResponse.fill;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.StreamSupport;

/** Anthropic's Messages API, as Claude Code uses it. */
final class AnthropicWire implements Wire {

  private static final String LIMIT = "anthropic-ratelimit-unified-";
  private static final Duration WEEK = Duration.ofDays(7);

  /** The 5-hour limit, whose reset the headers name to the second. */
  static ModelResponse fiveHourLimit(Instant reset, Instant now) {
    return error(429, "rate_limit_error", "This request would exceed your account's rate limit.")
        .with(window("rejected", reset))
        .with(
            Map.of(
                "retry-after",
                Long.toString(Duration.between(now, reset).toSeconds() + 1),
                "x-should-retry",
                "false"));
  }

  @Override
  public ModelResponse throttle() {
    return error(429, "rate_limit_error", "Number of requests has exceeded your rate limit.")
        .with(Map.of("retry-after", "1"));
  }

  private static ModelResponse error(int status, String type, String message) {
    return ModelResponse.json(
        status, fill("{'type':'error','error':{'type':%s,'message':%s}}", type, message));
  }

  /** The headers that say how much of the allowance is used. */
  private static Map<String, String> window(String status, Instant reset) {
    Map<String, String> headers = new HashMap<>();
    headers.put(LIMIT + "status", status);
    headers.put(LIMIT + "reset", Long.toString(reset.getEpochSecond()));
    headers.put(LIMIT + "representative-claim", "five_hour");
    headers.put(LIMIT + "overage-status", "rejected");
    headers.put(LIMIT + "overage-disabled-reason", "org_level_disabled");
    headers.put(LIMIT + "5h-status", status);
    headers.put(LIMIT + "5h-reset", Long.toString(reset.getEpochSecond()));
    headers.put(LIMIT + "5h-utilization", status.equals("rejected") ? "1.0" : "0.31");
    headers.put(LIMIT + "7d-status", "allowed");
    headers.put(LIMIT + "7d-reset", Long.toString(reset.plus(WEEK).getEpochSecond()));
    headers.put(LIMIT + "7d-utilization", "0.62");
    return headers;
  }

  @Override
  public Map<String, String> allowance(Instant reset) {
    return window("allowed", reset);
  }

  @Override
  public Map<String, String> overage(Instant reset) {
    Map<String, String> headers = window("rejected", reset);
    headers.remove(LIMIT + "overage-disabled-reason");
    headers.put(LIMIT + "overage-status", "allowed");
    headers.put(LIMIT + "overage-reset", Long.toString(reset.plus(WEEK).getEpochSecond()));
    headers.put(LIMIT + "overage-in-use", "true");
    return headers;
  }

  @Override
  public boolean serves(String path) {
    return path.endsWith("/v1/messages");
  }

  @Override
  public boolean aside(ModelRequest request) {
    return request.body().path("tools").isEmpty();
  }

  @Override
  public JsonNode messages(ModelRequest request) {
    return request.body().path("messages");
  }

  @Override
  public ModelResponse text(ModelRequest request, String text) {
    return message(
        request,
        "end_turn",
        fill("{'type':'text','text':%s}", text),
        fill("{'type':'text','text':''}"),
        fill("{'type':'text_delta','text':%s}", text));
  }

  @Override
  public ModelResponse command(ModelRequest request, String command) {
    ShellTool shell =
        ShellTool.among(
            StreamSupport.stream(request.body().path("tools").spliterator(), false)
                .map(tool -> new ShellTool(tool.path("name").asText(), tool.path("input_schema")))
                .toList());
    String id = ModelResponse.id("toolu_");
    JsonNode input = shell.arguments(command);
    return message(
        request,
        "tool_use",
        fill("{'type':'tool_use','id':%s,'name':%s,'input':%s}", id, shell.name(), input),
        fill("{'type':'tool_use','id':%s,'name':%s,'input':{}}", id, shell.name()),
        fill("{'type':'input_json_delta','partial_json':%s}", input.toString()));
  }

  private static ModelResponse message(
      ModelRequest request, String stopReason, JsonNode block, JsonNode opening, JsonNode delta) {
    JsonNode usage =
        fill(
            """
            {'input_tokens': 12, 'output_tokens': 9,
             'cache_creation_input_tokens': 0, 'cache_read_input_tokens': 0}
            """);
    String message =
        """
        {'id': %s, 'type': 'message', 'role': 'assistant', 'model': %s, 'content': %s,
         'stop_reason': %s, 'stop_sequence': null, 'usage': %s}
        """;
    String id = ModelResponse.id("msg_");
    return request.streams()
        ? ModelResponse.stream(
            fill(
                "{'type':'message_start','message':%s}",
                fill(message, id, request.model(), fill("[]"), null, usage)),
            fill("{'type':'content_block_start','index':0,'content_block':%s}", opening),
            fill("{'type':'content_block_delta','index':0,'delta':%s}", delta),
            fill("{'type':'content_block_stop','index':0}"),
            fill(
                "{'type':'message_delta','delta':{'stop_reason':%s,'stop_sequence':null},'usage':%s}",
                stopReason, usage),
            fill("{'type':'message_stop'}"))
        : ModelResponse.json(
            200, fill(message, id, request.model(), fill("[%s]", block), stopReason, usage));
  }
}
