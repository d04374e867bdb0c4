package dev.outlast.worker.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Anthropic's Messages API on the loopback, as far as Claude Code uses it, with an allowance that
 * runs out in the middle of the first turn.
 *
 * <p>The first inference is answered with a call of the shell tool, so that the agent has done
 * something worth remembering. The second one meets the 5-hour limit, and so do all that follow
 * until the reset, which is announced as an exact instant in the headers of the real service
 * ({@code anthropic-ratelimit-unified-*}). After the reset every inference succeeds.
 *
 * <p>Every inference is logged, so that a test can tell when an agent came back and what of its
 * conversation it brought along. Thread-safe.
 */
final class LoopbackModelApi implements AutoCloseable {

  /** What the shell tool is asked to print. */
  static final String TOOL_OUTPUT = "first-half-done";

  /** The answer after the reset. */
  static final String ANSWER = "Both halves are done.";

  /** The largest request body that is read. */
  private static final int MAX_BODY = 32 * 1024 * 1024;

  private static final Duration WEEK = Duration.ofDays(7);

  /**
   * One inference.
   *
   * @param at when it arrived
   * @param limited whether it was answered with the limit
   * @param session the agent's session, as its {@code X-Claude-Code-Session-Id} header names it
   * @param roles who spoke, message by message
   * @param texts everything that was said, and what tools returned, in order
   */
  record Inference(
      Instant at, boolean limited, String session, List<String> roles, List<String> texts) {

    boolean carries(String text) {
      return texts.stream().anyMatch(said -> said.contains(text));
    }
  }

  private final ObjectMapper json = new ObjectMapper();
  private final Clock clock;
  private final Duration limitLasts;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final HttpServer server;
  private final List<Inference> inferences = new ArrayList<>();
  private Instant reset;

  /**
   * Starts on a free port.
   *
   * @param limitLasts how long after the first refused inference the allowance returns
   */
  LoopbackModelApi(Clock clock, Duration limitLasts) throws IOException {
    this.clock = clock;
    this.limitLasts = limitLasts;
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext("/", this::answer);
    server.start();
  }

  /** What {@code ANTHROPIC_BASE_URL} has to be. */
  String baseUrl() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  /** The announced reset, exact to the second; null before the first refused inference. */
  synchronized Instant reset() {
    return reset;
  }

  /** All inferences so far in the order of their arrival. */
  synchronized List<Inference> inferences() {
    return List.copyOf(inferences);
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = exchange.getRequestBody().readNBytes(MAX_BODY);
      boolean message =
          exchange.getRequestMethod().equals("POST")
              && exchange.getRequestURI().getPath().equals("/v1/messages");
      if (!message) {
        send(exchange, 200, "application/json", "{}");
        return;
      }
      JsonNode request = json.readTree(body);
      // Titles and probes of the quota offer no tools; they are no part of the conversation.
      if (request.path("tools").isEmpty()) {
        headers(exchange, false, clock.instant().plus(limitLasts));
        sendText(exchange, request, "ok");
        return;
      }
      infer(exchange, request);
    }
  }

  private void infer(HttpExchange exchange, JsonNode request) throws IOException {
    Instant now = clock.instant();
    boolean first;
    boolean limited;
    Instant until;
    synchronized (this) {
      first = inferences.isEmpty();
      if (!first && reset == null) {
        reset = Instant.ofEpochSecond(now.plus(limitLasts).getEpochSecond() + 1);
      }
      limited = reset != null && now.isBefore(reset);
      until = limited ? reset : now.plus(limitLasts);
      inferences.add(logged(exchange, request, now, limited));
    }
    headers(exchange, limited, until);
    if (limited) {
      exchange
          .getResponseHeaders()
          .set("retry-after", Long.toString(Duration.between(now, until).toSeconds() + 1));
      exchange.getResponseHeaders().set("x-should-retry", "false");
      ObjectNode refusal = json.createObjectNode().put("type", "error");
      refusal
          .putObject("error")
          .put("type", "rate_limit_error")
          .put("message", "This request would exceed your account's rate limit.");
      send(exchange, 429, "application/json", refusal.toString());
    } else if (first) {
      sendToolCall(exchange, request);
    } else {
      sendText(exchange, request, ANSWER);
    }
  }

  private static Inference logged(
      HttpExchange exchange, JsonNode request, Instant at, boolean limited) {
    List<String> roles = new ArrayList<>();
    List<String> texts = new ArrayList<>();
    for (JsonNode message : request.path("messages")) {
      roles.add(message.path("role").asText());
      collectTexts(message.path("content"), texts);
    }
    return new Inference(
        at,
        limited,
        exchange.getRequestHeaders().getFirst("X-Claude-Code-Session-Id"),
        roles,
        texts);
  }

  private static void collectTexts(JsonNode content, List<String> texts) {
    if (content.isTextual()) {
      texts.add(content.asText());
    } else if (content.isArray()) {
      content.forEach(part -> collectTexts(part, texts));
    } else if (content.isObject()) {
      collectTexts(content.path("text"), texts);
      collectTexts(content.path("content"), texts);
    }
  }

  private static void headers(HttpExchange exchange, boolean limited, Instant until) {
    String status = limited ? "rejected" : "allowed";
    String prefix = "anthropic-ratelimit-unified-";
    Headers headers = exchange.getResponseHeaders();
    headers.set(prefix + "status", status);
    headers.set(prefix + "reset", Long.toString(until.getEpochSecond()));
    headers.set(prefix + "representative-claim", "five_hour");
    headers.set(prefix + "overage-status", "rejected");
    headers.set(prefix + "overage-disabled-reason", "org_level_disabled");
    headers.set(prefix + "5h-status", status);
    headers.set(prefix + "5h-reset", Long.toString(until.getEpochSecond()));
    headers.set(prefix + "5h-utilization", limited ? "1.0" : "0.31");
    headers.set(prefix + "7d-status", "allowed");
    headers.set(prefix + "7d-reset", Long.toString(until.plus(WEEK).getEpochSecond()));
    headers.set(prefix + "7d-utilization", "0.62");
  }

  private void sendText(HttpExchange exchange, JsonNode request, String text) throws IOException {
    ObjectNode block = json.createObjectNode().put("type", "text").put("text", text);
    ObjectNode opening = json.createObjectNode().put("type", "text").put("text", "");
    ObjectNode delta = json.createObjectNode().put("type", "text_delta").put("text", text);
    sendMessage(exchange, request, block, opening, delta, "end_turn");
  }

  private void sendToolCall(HttpExchange exchange, JsonNode request) throws IOException {
    ObjectNode input =
        json.createObjectNode()
            .put("command", "echo " + TOOL_OUTPUT)
            .put("description", "Do the first half");
    ObjectNode block =
        json.createObjectNode()
            .put("type", "tool_use")
            .put("id", "toolu_" + UUID.randomUUID().toString().replace("-", ""))
            .put("name", "Bash");
    ObjectNode opening = block.deepCopy();
    opening.putObject("input");
    block.set("input", input);
    ObjectNode delta =
        json.createObjectNode()
            .put("type", "input_json_delta")
            .put("partial_json", input.toString());
    sendMessage(exchange, request, block, opening, delta, "tool_use");
  }

  private void sendMessage(
      HttpExchange exchange,
      JsonNode request,
      ObjectNode block,
      ObjectNode opening,
      ObjectNode delta,
      String stopReason)
      throws IOException {
    ObjectNode message = json.createObjectNode();
    message.put("id", "msg_" + UUID.randomUUID().toString().replace("-", ""));
    message.put("type", "message");
    message.put("role", "assistant");
    message.put("model", request.path("model").asText());
    message.putArray("content");
    message.putNull("stop_reason");
    message.putNull("stop_sequence");
    ObjectNode usage =
        json.createObjectNode()
            .put("input_tokens", 12)
            .put("output_tokens", 9)
            .put("cache_creation_input_tokens", 0)
            .put("cache_read_input_tokens", 0);
    message.set("usage", usage);
    if (!request.path("stream").asBoolean()) {
      message.putArray("content").add(block);
      message.put("stop_reason", stopReason);
      send(exchange, 200, "application/json", message.toString());
      return;
    }
    ObjectNode start = event("message_start");
    start.set("message", message);
    ObjectNode blockStart = event("content_block_start").put("index", 0);
    blockStart.set("content_block", opening);
    ObjectNode blockDelta = event("content_block_delta").put("index", 0);
    blockDelta.set("delta", delta);
    ObjectNode messageDelta = event("message_delta");
    messageDelta.putObject("delta").put("stop_reason", stopReason).putNull("stop_sequence");
    messageDelta.set("usage", usage);
    StringBuilder stream = new StringBuilder();
    List.of(
            start,
            blockStart,
            blockDelta,
            event("content_block_stop").put("index", 0),
            messageDelta,
            event("message_stop"))
        .forEach(
            e ->
                stream
                    .append("event: ")
                    .append(e.path("type").asText())
                    .append("\ndata: ")
                    .append(e)
                    .append("\n\n"));
    send(exchange, 200, "text/event-stream", stream.toString());
  }

  private ObjectNode event(String type) {
    return json.createObjectNode().put("type", type);
  }

  private static void send(HttpExchange exchange, int status, String type, String body)
      throws IOException {
    exchange.getResponseHeaders().set("content-type", type);
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    boolean head = exchange.getRequestMethod().equals("HEAD");
    exchange.sendResponseHeaders(status, head ? -1 : bytes.length);
    if (!head) {
      exchange.getResponseBody().write(bytes);
    }
  }
}
