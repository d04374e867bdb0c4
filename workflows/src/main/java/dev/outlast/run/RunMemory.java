package dev.outlast.run;

import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.TokenUsage;
import dev.outlast.limit.UsageLimit;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** What a run knows while it runs; saved as a {@link RunState} when its history has grown long. */
final class RunMemory {

  /** How many prompts may wait for their turn. */
  static final int MAX_QUEUED_PROMPTS = 20;

  /** How many bytes of JSON they may have together: 512 KiB. */
  static final int MAX_QUEUED_BYTES = 512 * 1024;

  private final Deque<String> queue = new ArrayDeque<>();
  private final Deque<RunEvent> events = new ArrayDeque<>();
  private final Deque<Incident> incidents = new ArrayDeque<>();

  private ResolvedAgent agent;
  private SessionId session;
  private boolean sessionOpen;
  private int lostSessions;
  private String turnPrompt;
  private String message;
  private int turn;
  private int invocations;
  private int limitsHit;
  private int resumes;
  private int limitsInARow;
  private Duration waited = Duration.ZERO;
  private TokenUsage tokens = TokenUsage.NONE;
  private double costUsd;
  private String paused;
  private Incident waiting;
  private String lastText = "";
  private long lastSeq;

  /** The memory of a new run. */
  static RunMemory of(AgentRunRequest request) {
    RunMemory memory = new RunMemory();
    memory.turn = 1;
    memory.turnPrompt = request.prompt();
    memory.message = request.prompt();
    memory.session = request.session();
    memory.sessionOpen = request.session() != null;
    return memory;
  }

  static RunMemory restore(RunState state) {
    RunMemory memory = new RunMemory();
    memory.agent = state.agent();
    memory.session = state.session();
    memory.sessionOpen = state.sessionOpen();
    memory.lostSessions = state.lostSessions();
    memory.turnPrompt = state.turnPrompt();
    memory.message = state.message();
    memory.queue.addAll(state.queue());
    memory.turn = state.turn();
    memory.invocations = state.invocations();
    memory.limitsHit = state.limitsHit();
    memory.resumes = state.resumes();
    memory.limitsInARow = state.limitsInARow();
    memory.waited = Duration.ofMillis(state.waitedMillis());
    memory.tokens = state.tokens();
    memory.costUsd = state.costUsd();
    memory.paused = state.paused();
    memory.waiting = state.waiting();
    memory.lastText = state.lastText();
    memory.lastSeq = state.lastSeq();
    memory.events.addAll(state.events());
    memory.incidents.addAll(state.incidents());
    return memory;
  }

  RunState save() {
    return new RunState(
        agent,
        session,
        sessionOpen,
        lostSessions,
        turnPrompt,
        message.equals(turnPrompt) ? null : message,
        List.copyOf(queue),
        turn,
        invocations,
        limitsHit,
        resumes,
        limitsInARow,
        waited.toMillis(),
        tokens,
        costUsd,
        paused,
        waiting,
        lastText,
        lastSeq,
        List.copyOf(events),
        List.copyOf(incidents));
  }

  void resolved(ResolvedAgent resolvedAgent) {
    agent = resolvedAgent;
    session = session == null ? resolvedAgent.session() : session;
  }

  void invoked() {
    invocations++;
  }

  /** Takes over what an invocation was found to have done. */
  void learn(InvocationFacts facts, String resumeMessage) {
    tokens = tokens.plus(facts.tokens());
    costUsd += facts.costUsd();
    if (facts.session() != null) {
      // A session that was ended before it had the message still has to be told it.
      boolean untold = Boolean.FALSE.equals(facts.taken());
      opened(facts.session(), untold ? message : resumeMessage);
    }
    if (facts.progressed()) {
      limitsInARow = 0;
    }
  }

  /**
   * The agent has named its session, so it can be resumed.
   *
   * @param next what the session is told when it is
   */
  void opened(SessionId named, String next) {
    session = named;
    sessionOpen = true;
    message = next;
  }

  /**
   * An invocation has left no session behind, so the same is said again in another one.
   *
   * @param another the id to choose for it, since the agent may not take the old one twice; null
   *     where the agent itself names it
   */
  void neverOpened(SessionId another) {
    session = another;
  }

  /** The agent no longer knows the session: the task starts again in a fresh one. */
  void lost(SessionId freshSession) {
    boolean nothingWasDone = turn == 1 && message.equals(turnPrompt);
    session = freshSession;
    sessionOpen = false;
    lostSessions++;
    message = nothingWasDone ? turnPrompt : Handoff.afterLostSession(turnPrompt);
  }

  Incident limited(UsageLimit limit, Instant now) {
    limitsHit++;
    return new Incident(
        "limit-" + limitsHit, turn, invocations, limit, now, null, false, null, null);
  }

  void waitBegins() {
    limitsInARow++;
  }

  void waited(Duration time) {
    waited = waited.plus(time);
  }

  void resumed() {
    resumes++;
  }

  void turnCompleted(String text) {
    lastText = text;
    limitsInARow = 0;
  }

  /** Makes the next queued prompt the turn; false if none is queued. */
  boolean nextTurn() {
    if (queue.isEmpty()) {
      return false;
    }
    turn++;
    turnPrompt = queue.poll();
    message = turnPrompt;
    return true;
  }

  int enqueue(String prompt) {
    queue.add(prompt);
    return queue.size();
  }

  /** The incident whose wait goes on in the next history; null if none does. */
  void waiting(Incident incident) {
    waiting = incident;
  }

  Incident waiting() {
    return waiting;
  }

  void paused(String reason) {
    paused = reason;
  }

  void record(Instant now, RunEvent.Type type, String incident, String text) {
    lastSeq++;
    events.add(new RunEvent(lastSeq, now, type, incident, text));
    if (events.size() > RunEvent.MAX_KEPT) {
      events.removeFirst();
    }
  }

  /** Adds an incident, or replaces the one with the same id. */
  void put(Incident incident) {
    if (!incidents.isEmpty() && incidents.getLast().id().equals(incident.id())) {
      incidents.removeLast();
    }
    incidents.add(incident);
    if (incidents.size() > Incident.MAX_KEPT) {
      incidents.removeFirst();
    }
  }

  List<RunEvent> eventsSince(long seq) {
    return events.stream().filter(event -> event.seq() > seq).toList();
  }

  List<Incident> incidents() {
    return List.copyOf(incidents);
  }

  int queued() {
    return queue.size();
  }

  /** What is wrong with queueing one more prompt; empty if nothing is. */
  Optional<String> checkRoomFor(String prompt) {
    if (queue.size() >= MAX_QUEUED_PROMPTS) {
      return Optional.of(
          "prompt: "
              + MAX_QUEUED_PROMPTS
              + " prompts are queued, and no more may be; send it when one has been answered");
    }
    long bytes = Stream.concat(queue.stream(), Stream.of(prompt)).mapToLong(JsonSize::of).sum();
    return bytes <= MAX_QUEUED_BYTES
        ? Optional.empty()
        : Optional.of(
            "prompt: the queued prompts would have "
                + bytes
                + " bytes of JSON; at most "
                + MAX_QUEUED_BYTES);
  }

  ResolvedAgent agent() {
    return agent;
  }

  SessionId session() {
    return session;
  }

  boolean sessionOpen() {
    return sessionOpen;
  }

  int lostSessions() {
    return lostSessions;
  }

  String turnPrompt() {
    return turnPrompt;
  }

  String message() {
    return message;
  }

  int turn() {
    return turn;
  }

  int invocations() {
    return invocations;
  }

  int limitsHit() {
    return limitsHit;
  }

  int resumes() {
    return resumes;
  }

  int limitsInARow() {
    return limitsInARow;
  }

  Duration waited() {
    return waited;
  }

  TokenUsage tokens() {
    return tokens;
  }

  double costUsd() {
    return costUsd;
  }

  String paused() {
    return paused;
  }

  String lastText() {
    return lastText;
  }

  long lastSeq() {
    return lastSeq;
  }
}
