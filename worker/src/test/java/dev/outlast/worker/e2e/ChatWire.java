package dev.outlast.worker.e2e;

import static dev.outlast.worker.e2e.ModelResponse.fill;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.stream.StreamSupport;

/** OpenAI's Chat Completions API, as Copilot CLI and OpenCode use it. */
final class ChatWire implements Wire {

  /** GitHub's limit of a session's window, which says in words when to come back. */
  static ModelResponse copilotSessionLimit(Instant reset, Instant now) {
    long seconds = Duration.between(now, reset).toSeconds() + 1;
    return ModelResponse.json(
            429,
            fill(
                "{'error': {'message': %s, 'code': 'user_global_rate_limited:pro'}}",
                "Sorry, you've exceeded your 5 hour session limits. Please retry after "
                    + seconds
                    + " seconds."))
        .with(Map.of("retry-after", Long.toString(seconds)));
  }

  /** The limit of OpenCode's own plan. The agent tries again in its process until it is over. */
  static ModelResponse openCodeGoLimit(Instant reset, Instant now) {
    return ModelResponse.json(
            429,
            fill(
                """
                {'type': 'error', 'metadata': {'limitName': '5 hour', 'workspace': 'wrk_1'},
                 'error': {'type': 'GoUsageLimitError',
                   'message': 'Subscription quota exceeded. You can continue using free models.'}}
                """))
        .with(Map.of("retry-after", Long.toString(Duration.between(now, reset).toSeconds() + 1)));
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

  @Override
  public boolean serves(String path) {
    return path.endsWith("/chat/completions");
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
    return message(request, "stop", fill("{'role':'assistant','content':%s}", text));
  }

  @Override
  public ModelResponse command(ModelRequest request, String command) {
    ShellTool shell =
        ShellTool.among(
            StreamSupport.stream(request.body().path("tools").spliterator(), false)
                .map(tool -> tool.path("function"))
                .map(tool -> new ShellTool(tool.path("name").asText(), tool.path("parameters")))
                .toList());
    return message(
        request,
        "tool_calls",
        fill(
            """
            {'role': 'assistant', 'content': null, 'tool_calls': [{'index': 0, 'id': %s,
              'type': 'function', 'function': {'name': %s, 'arguments': %s}}]}
            """,
            ModelResponse.id("call_"), shell.name(), shell.arguments(command).toString()));
  }

  private static ModelResponse message(ModelRequest request, String reason, JsonNode message) {
    String id = ModelResponse.id("chatcmpl-");
    long created = Instant.now().getEpochSecond();
    JsonNode usage = fill("{'prompt_tokens': 12, 'completion_tokens': 9, 'total_tokens': 21}");
    if (!request.streams()) {
      return ModelResponse.json(
          200,
          fill(
              """
              {'id': %s, 'object': 'chat.completion', 'created': %s, 'model': %s,
               'choices': [{'index': 0, 'message': %s, 'finish_reason': %s}], 'usage': %s}
              """,
              id, created, request.model(), message, reason, usage));
    }
    String chunk =
        """
        {'id': %s, 'object': 'chat.completion.chunk', 'created': %s, 'model': %s, 'choices': %s,
         'usage': %s}
        """;
    String choice = "[{'index': 0, 'delta': %s, 'finish_reason': %s}]";
    return ModelResponse.stream(
            fill(chunk, id, created, request.model(), fill(choice, message, null), null),
            fill(chunk, id, created, request.model(), fill(choice, fill("{}"), reason), null),
            fill(chunk, id, created, request.model(), fill("[]"), usage))
        .endingWith("data: [DONE]\n\n");
  }
}
