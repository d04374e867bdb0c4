package dev.outlast.worker.e2e;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
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
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;

/**
 * The model APIs of all providers on the loopback, as far as their agents use them. Answers one
 * inference after the other as a script says.
 *
 * <p>Every inference is logged, so that a test can tell when an agent came back and what of its
 * conversation it brought along. Thread-safe.
 */
final class LoopbackModelApi implements AutoCloseable {

  private static final Duration WINDOW = Duration.ofHours(5);

  private static final int MAX_BODY = 32 * 1024 * 1024;

  /** An agent that asks this often is caught in a loop. */
  private static final int MAX_INFERENCES = 200;

  /** Where agents name their session, if they do. */
  private static final List<String> SESSION_HEADERS =
      List.of("X-Claude-Code-Session-Id", "session_id", "session-id", "x-session-affinity");

  private static final List<Wire> WIRES =
      List.of(new AnthropicWire(), new ResponsesWire(), new ChatWire(), new GeminiWire());

  /** How an inference is answered. */
  sealed interface Step {}

  private record Text(String text) implements Step {}

  private record Command(String command) implements Step {}

  private record Throttle() implements Step {}

  private record Overage(String command, Duration announced) implements Step {}

  private record Limit(Wire.Refusal refusal, Duration announced) implements Step {}

  /** The model says something. */
  static Step text(String text) {
    return new Text(text);
  }

  /** The model calls the shell tool. */
  static Step command(String command) {
    return new Command(command);
  }

  /** One short rate limit that is none of an allowance. */
  static Step throttle() {
    return new Throttle();
  }

  /**
   * The model calls the shell tool, beyond the allowance and for money; the allowance returns after
   * so long.
   */
  static Step overage(String command, Duration announced) {
    return new Overage(command, announced);
  }

  /** All inferences are refused until the reset that is announced, or {@link #endLimit}. */
  static Step limit(Wire.Refusal refusal, Duration announced) {
    return new Limit(refusal, announced);
  }

  /**
   * One inference.
   *
   * @param at when it arrived
   * @param limited whether it was answered with the limit
   * @param session the agent's session; null if the agent does not say
   * @param roles who spoke, message by message
   * @param texts everything that was said, and what tools returned, in order
   */
  record Inference(
      Instant at, boolean limited, String session, List<String> roles, List<String> texts) {

    boolean carries(String text) {
      return texts.stream().anyMatch(said -> said.contains(text));
    }

    @Override
    public String toString() {
      return "at %s%s, session %s, %s, last: %.300s"
          .formatted(
              at,
              limited ? " limited" : "",
              session,
              roles,
              texts.isEmpty() ? "" : texts.get(texts.size() - 1));
    }
  }

  private final ObjectMapper json = new ObjectMapper();
  private final Clock clock;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final HttpServer server;
  private final List<Step> script = new ArrayList<>();
  private final List<Inference> inferences = new ArrayList<>();
  private RuntimeException failure;
  private boolean ended;
  private Instant reset;

  /** Starts on a free port. */
  LoopbackModelApi(Clock clock) throws IOException {
    this.clock = clock;
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext("/", this::answer);
    server.start();
  }

  /** The address without a path. */
  String baseUrl() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  /** Begins anew: these steps are taken, one an inference, and the last one for ever. */
  synchronized void script(Step... steps) {
    script.clear();
    script.addAll(List.of(steps));
    inferences.clear();
    ended = false;
    reset = null;
    failure = null;
  }

  /** The reset of the script's limit, exact to the second; null before the first inference. */
  synchronized Instant reset() {
    return reset;
  }

  /** Lets the allowance return earlier than announced. */
  synchronized void endLimit() {
    ended = true;
  }

  /** All inferences of the present script in the order of their arrival. */
  synchronized List<Inference> inferences() {
    if (failure != null) {
      throw failure;
    }
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
      String path = exchange.getRequestURI().getPath();
      Optional<Wire> wire = WIRES.stream().filter(w -> w.serves(path)).findFirst();
      ModelResponse response =
          wire.isPresent() && exchange.getRequestMethod().equals("POST")
              ? infer(wire.get(), path, body, exchange.getRequestHeaders())
              : besides(path, exchange.getRequestHeaders());
      send(exchange, response);
    }
  }

  /** What agents ask besides: which models there are, how long a prompt is, whether we are up. */
  private static ModelResponse besides(String path, Headers headers) {
    if (headers.containsKey("Upgrade")) {
      return ModelResponse.json(426, ModelResponse.fill("{}"));
    }
    if (path.endsWith("/models")) {
      return ModelResponse.json(
          200,
          ModelResponse.fill(
              "{'object': 'list', 'data': [{'id': 'gpt-5', 'object': 'model'}], 'models': []}"));
    }
    return ModelResponse.json(
        200,
        ModelResponse.fill(path.contains("ount") ? "{'input_tokens':12,'totalTokens':12}" : "{}"));
  }

  private ModelResponse infer(Wire wire, String path, byte[] body, Headers headers)
      throws JsonProcessingException {
    try {
      ModelRequest request =
          new ModelRequest(path, json.readTree(new String(body, StandardCharsets.UTF_8)), headers);
      ModelResponse response = wire.aside(request) ? wire.text(request, "ok") : next(wire, request);
      boolean told = response.status() != 200 || !response.headers().isEmpty();
      return told ? response : response.with(wire.allowance(window()));
    } catch (RuntimeException e) {
      synchronized (this) {
        failure = e;
      }
      return ModelResponse.json(
          400, ModelResponse.fill("{'error': {'message': %s}}", e.toString()));
    }
  }

  /** When the present window of the allowance ends, as good answers tell it too. */
  private synchronized Instant window() {
    return reset == null ? clock.instant().plus(WINDOW) : reset;
  }

  private synchronized ModelResponse next(Wire wire, ModelRequest request) {
    if (inferences.size() == MAX_INFERENCES) {
      throw new IllegalStateException("more than " + MAX_INFERENCES + " inferences");
    }
    Instant now = clock.instant();
    if (reset == null) {
      reset = announced(now);
    }
    if (script.get(0) instanceof Limit && (ended || !now.isBefore(reset))) {
      script.remove(0);
    }
    Step step = script.get(0);
    inferences.add(logged(wire, request, now, step instanceof Limit));
    if (step instanceof Limit limit) {
      return limit.refusal().until(reset, now);
    }
    if (script.size() > 1) {
      script.remove(0);
    }
    if (step instanceof Command command) {
      return wire.command(request, command.command());
    }
    if (step instanceof Overage beyond) {
      return wire.command(request, beyond.command()).with(wire.overage(reset));
    }
    return step instanceof Text text ? wire.text(request, text.text()) : wire.throttle();
  }

  /** The end of the window that the script's limit is about; null if it has no limit. */
  private Instant announced(Instant now) {
    return script.stream()
        .flatMap(LoopbackModelApi::lasting)
        .map(announced -> now.plus(announced).getEpochSecond() + 1)
        .map(Instant::ofEpochSecond)
        .findFirst()
        .orElse(null);
  }

  private static Stream<Duration> lasting(Step step) {
    if (step instanceof Limit limit) {
      return Stream.of(limit.announced());
    }
    return step instanceof Overage overage ? Stream.of(overage.announced()) : Stream.empty();
  }

  private static Inference logged(Wire wire, ModelRequest request, Instant at, boolean limited) {
    JsonNode messages = wire.messages(request);
    List<String> roles = new ArrayList<>();
    messages.forEach(m -> roles.add(m.path("role").asText(m.path("type").asText())));
    String session =
        SESSION_HEADERS.stream()
            .map(request.headers()::getFirst)
            .filter(Objects::nonNull)
            .findFirst()
            .orElse(null);
    return new Inference(at, limited, session, roles, ModelRequest.texts(messages));
  }

  private static void send(HttpExchange exchange, ModelResponse response) throws IOException {
    exchange.getResponseHeaders().set("content-type", response.contentType());
    response.headers().forEach(exchange.getResponseHeaders()::set);
    byte[] bytes = response.body().getBytes(StandardCharsets.UTF_8);
    boolean head = exchange.getRequestMethod().equals("HEAD");
    exchange.sendResponseHeaders(response.status(), head ? -1 : bytes.length);
    if (!head) {
      exchange.getResponseBody().write(bytes);
    }
  }
}
