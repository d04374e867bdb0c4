package dev.outlast.run;

import dev.outlast.agent.Budget;
import dev.outlast.agent.Checkpoint;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.TokenUsage;
import dev.outlast.agent.TranscriptReference;
import dev.outlast.agent.Worktree;
import dev.outlast.limit.GateWord;
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

  /** What is counted of a run's cost at most. */
  static final double MAX_COST_USD = 1e12;

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
  private Checkpoint checkpoint;
  private boolean doubtful;
  private boolean continued;
  private Instant hostLostSince;
  private String moveAsked;
  private int moves;
  private int fruitless;
  private TranscriptReference transcript;
  private Busy busy;
  private NotStarted notStarted;

  private GateWord gate;
  private Instant waitingSince;
  private boolean insists;
  private Budget budget;
  private Double overageUsd;
  private boolean budgetSpent;

  // What the next history can do without.
  private int announced;

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
    memory.checkpoint = state.checkpoint();
    memory.doubtful = state.doubtful();
    memory.continued = state.continued();
    memory.hostLostSince = state.hostLostSince();
    memory.moveAsked = state.moveAsked();
    memory.moves = state.moves();
    memory.fruitless = state.fruitless();
    memory.transcript = state.transcript();
    memory.busy = state.busy();
    memory.notStarted = state.notStarted();
    memory.gate = state.gate();
    memory.waitingSince = state.waitingSince();
    memory.insists = state.insists();
    memory.budget = state.budget();
    memory.overageUsd = state.overageUsd();
    memory.budgetSpent = state.budgetSpent();
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
        List.copyOf(incidents),
        checkpoint,
        doubtful,
        continued,
        hostLostSince,
        moveAsked,
        moves,
        fruitless,
        transcript,
        busy,
        notStarted,
        gate,
        waitingSince,
        insists,
        budget,
        overageUsd,
        budgetSpent);
  }

  void resolved(ResolvedAgent resolvedAgent) {
    agent = resolvedAgent;
    session = session == null ? resolvedAgent.session() : session;
  }

  /** The run works in this worktree of its own from now on. */
  void worksIn(Worktree made) {
    agent = agent.in(made);
  }

  /** Counts an invocation; false if it is one that was counted already and then not made. */
  boolean invoked() {
    invocations++;
    boolean another = invocations > announced;
    announced = invocations;
    return another;
  }

  /** The invocation that was counted last has not been made, or not to its end. */
  void notInvoked() {
    invocations--;
  }

  /** Takes over what an invocation was found to have done. */
  void learn(InvocationFacts facts, String resumeMessage) {
    boolean onOverage = facts.overage() != null || facts.overageUsd() > 0;
    used(facts.tokens(), facts.costUsd(), onOverage ? facts.overageUsd() : null);
    checkpoint = facts.checkpoint();
    transcript = facts.transcript() == null ? transcript : facts.transcript();
    fruitless = 0;
    if (facts.session() != null) {
      // A session that was ended before it had the message still has to be told it.
      boolean untold = Boolean.FALSE.equals(facts.taken());
      opened(facts.session(), untold ? message : resumeMessage);
      continued = continued && untold;
      doubtful = false;
    }
    if (facts.progressed()) {
      limitsInARow = 0;
    }
  }

  /**
   * @param overage the part of the cost that was paid beyond the allowance; null if none was
   */
  private void used(TokenUsage usedTokens, double cost, Double overage) {
    tokens = tokens.plus(usedTokens);
    costUsd = plus(costUsd, cost);
    if (overage != null) {
      overageUsd = plus(overageUsd == null ? 0 : overageUsd, overage);
    }
  }

  /** An agent may tell any number. */
  private static double plus(double sum, double more) {
    return more > 0 ? Math.min(sum + more, MAX_COST_USD) : sum;
  }

  /** Somebody else has gone on with the session; nothing was said to it. */
  void continuedElsewhere(InvocationFacts facts, String resumeMessage) {
    notInvoked();
    if (facts.session() != null) {
      // An attempt before may have said it, and then the session was there too.
      opened(facts.session(), Boolean.TRUE.equals(facts.taken()) ? resumeMessage : message);
      doubtful = false;
    }
    checkpoint = facts.checkpoint();
    continued = true;
  }

  /**
   * Takes over what is known of an invocation that ended without an outcome. What it has said may
   * have got through, or not.
   *
   * @param start how it was to find its session
   * @param another the id for a fresh session in place of one that certainly is not there; null
   *     where the agent itself names it
   */
  void unanswered(
      Unanswered invocation, SessionStart start, String resumeMessage, SessionId another) {
    if (invocation.why() != Unanswered.Why.FAILED) {
      notInvoked();
    }
    InvocationProgress last = invocation.progress();
    fruitless = invocation.progressed() ? 0 : fruitless;
    if (last != null) {
      used(last.tokens(), last.costUsd(), last.overageUsd());
    }
    if (invocation.neverStarted()) {
      if (start == SessionStart.FRESH && invocation.why() == Unanswered.Why.GIVEN_BACK) {
        session = another;
      }
      return;
    }
    if (last != null) {
      // Of a worker that was lost, an agent may have moved the session's mark after its last word.
      checkpoint = invocation.why() == Unanswered.Why.GIVEN_BACK ? last.checkpoint() : null;
    }
    SessionId named = last == null ? session : last.session();
    if (named == null) {
      session = start == SessionStart.FRESH ? another : session;
      return;
    }
    boolean taken = last != null && last.taken();
    continued = continued && !taken;
    doubtful = !taken && (start == SessionStart.FRESH || doubtful);
    // Said again, the prompt of a fresh session would be done twice if it had got through.
    opened(named, taken || doubtful ? resumeMessage : message);
  }

  /**
   * An {@link #unanswered} invocation has met a limit before, and so is over.
   *
   * @param facts what is known of it
   */
  void limitHeard(InvocationFacts facts) {
    invocations++;
    fruitless = 0;
    notStarted = null;
    limitsInARow = facts.progressed() ? 0 : limitsInARow;
  }

  /** Counts an invocation whose workers were all lost; how many came in a row without progress. */
  int workerLost(boolean progressed) {
    fruitless = progressed ? 0 : fruitless + 1;
    return fruitless;
  }

  /**
   * What another run has that this one waits for.
   *
   * @param what null when it does not, or not any more
   */
  void busy(Busy what) {
    busy = what;
  }

  Busy busy() {
    return busy;
  }

  /**
   * What is known of agents that could not be started.
   *
   * @param last null when one was, or may have been
   */
  void notStarted(NotStarted last) {
    notStarted = last;
  }

  NotStarted notStarted() {
    return notStarted;
  }

  /** How many invocations came last whose workers were all lost without progress. */
  int fruitless() {
    return fruitless;
  }

  void hostLost(Instant since) {
    hostLostSince = since;
  }

  /** The host has been heard of again; false if it was not missed. */
  boolean hostBack() {
    boolean missed = hostLostSince != null;
    hostLostSince = null;
    moveAsked = null;
    return missed;
  }

  /**
   * The run is to go on on another host.
   *
   * @param reason null if it is not, or not any more
   */
  void moveAsked(String reason) {
    moveAsked = reason;
  }

  /** The run goes on on another host, in a fresh session. */
  void moved(ResolvedAgent there) {
    message = nothingWasDone() ? turnPrompt : Handoff.afterMove(turnPrompt, turn, lastText);
    agent = there;
    session = there.session();
    startsFresh();
    moves++;
    hostBack();
  }

  private boolean nothingWasDone() {
    return turn == 1 && message.equals(turnPrompt);
  }

  private void startsFresh() {
    sessionOpen = false;
    checkpoint = null;
    doubtful = false;
    continued = false;
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
    message = nothingWasDone() ? turnPrompt : Handoff.afterLostSession(turnPrompt);
    session = freshSession;
    startsFresh();
    lostSessions++;
  }

  /** A session of which it was not certain that it had come to be is not there. */
  void neverCameToBe(SessionId freshSession) {
    notInvoked();
    message =
        lostSessions > 0
            ? Handoff.afterLostSession(turnPrompt)
            : moves > 0 ? Handoff.afterMove(turnPrompt, turn, lastText) : turnPrompt;
    session = freshSession;
    startsFresh();
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

  /** What the account's gate has said; null if nothing, or the account is not waited for. */
  GateWord gate() {
    return gate;
  }

  void gate(GateWord word) {
    gate = word;
  }

  /** Since when the account is waited for; null if it is not. */
  Instant waitingSince() {
    return waitingSince;
  }

  void waitingSince(Instant since) {
    waitingSince = since;
  }

  /** Whether an operator wants the run to go on though the account is closed. */
  boolean insists() {
    return insists;
  }

  void insists(boolean wanted) {
    insists = wanted;
  }

  /** The budget in place of the request's; null if it was not changed. */
  Budget budget() {
    return budget;
  }

  void budget(Budget changed) {
    budget = changed;
  }

  /** Whether the pause is for the budget. */
  boolean budgetSpent() {
    return budgetSpent;
  }

  void budgetSpent(boolean spent) {
    budgetSpent = spent;
  }

  /** What was spent beyond the allowance; null if no agent has said that it works on overage. */
  Double overageUsd() {
    return overageUsd;
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

  Checkpoint checkpoint() {
    return checkpoint;
  }

  boolean doubtful() {
    return doubtful;
  }

  boolean continued() {
    return continued;
  }

  Instant hostLostSince() {
    return hostLostSince;
  }

  String moveAsked() {
    return moveAsked;
  }

  int moves() {
    return moves;
  }

  TranscriptReference transcript() {
    return transcript;
  }

  String lastText() {
    return lastText;
  }

  long lastSeq() {
    return lastSeq;
  }
}
