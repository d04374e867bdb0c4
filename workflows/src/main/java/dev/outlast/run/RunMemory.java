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
import java.util.ArrayList;
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
  private Instant movedFrom;

  private RunAgents agents;
  private boolean goesOn;
  private int told;
  private int worked;
  private Long contextTokens;
  private boolean apart;
  private boolean handedOff;

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
    memory.agents = RunAgents.of(request.choices());
    memory.goesOn = request.goesOn();
    return memory;
  }

  static RunMemory restore(RunState state, AgentRunRequest request) {
    RunMemory memory = new RunMemory();
    memory.goesOn = request.goesOn();
    memory.restoreAgents(state, request.choices());
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
    memory.movedFrom = state.movedFrom();
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
        budgetSpent,
        movedFrom,
        agents.save(present()));
  }

  private void restoreAgents(RunState state, List<AgentChoice> asked) {
    if (state.agents() == null) {
      agents = RunAgents.of(asked.subList(0, 1));
      agents.resolved(0, state.agent());
      return;
    }
    agents = RunAgents.restore(state.agents());
    seenIn(agents.present().session());
  }

  /** What is known of the present agent. */
  private RunAgent present() {
    RunAgent before = agents.present();
    AgentSession left =
        new AgentSession(
            session,
            sessionOpen,
            told,
            worked,
            checkpoint,
            doubtful,
            continued,
            transcript,
            contextTokens,
            apart,
            handedOff);
    return new RunAgent(
        before.asked(), agent, left, limitsInARow, gate, waitingSince, before.limit(), null, null);
  }

  /** Takes over what of a session is not known elsewhere. */
  private void seenIn(AgentSession left) {
    told = left.told();
    worked = left.worked();
    contextTokens = left.contextTokens();
    apart = left.apart();
    handedOff = left.handedOff();
  }

  /**
   * Goes on with another of the run's agents. Its session is told what it has missed when {@link
   * #arrived}.
   */
  void goTo(int choice) {
    RunAgent there = agents.goTo(choice, present());
    Worktree own = agent.worktree();
    agent = own == null ? there.agent() : there.agent().in(own);
    AgentSession left =
        there.session() == null ? AgentSession.fresh(agent.session()) : there.session();
    seenIn(left);
    session = left.id();
    sessionOpen = left.open();
    checkpoint = left.checkpoint();
    doubtful = left.doubtful();
    continued = left.continued();
    transcript = left.transcript();
    limitsInARow = there.limitsInARow();
    gate = there.gate();
    waitingSince = there.waitingSince();
    busy = null;
    notStarted = null;
  }

  /**
   * The sessions whose work the present one has to be told of, the latest last. For one that has
   * yet to begin that is also the one before it of the same agent.
   */
  List<RunAgent> missed() {
    List<RunAgent> missed = new ArrayList<>(agents.missed(worked));
    if (!sessionOpen && worked > 0) {
      missed.add(0, present());
    }
    return missed;
  }

  /**
   * The present session is told next what it has missed, and what to do.
   *
   * @param notes of what was done in other sessions; null if nothing was
   */
  void arrived(String notes, String resumeMessage) {
    agents.arriving(false);
    handedOff = !sessionOpen;
    if (sessionOpen || (goesOn && !apart)) {
      String next = told == turn ? resumeMessage : turnPrompt;
      message = notes == null ? next : Handoff.meanwhile(notes, next);
    } else {
      message = untouched() ? turnPrompt : Handoff.toFresh(turnPrompt, turn, lastText, notes);
    }
  }

  /** Whether nobody has done anything for the task, in this run or before it. */
  private boolean untouched() {
    return turn == 1
        && worked == 0
        && !agents.othersWorked()
        && lostSessions == 0
        && moves == 0
        && !goesOn;
  }

  /** The session is not gone on with: the next one begins with what was done in it. */
  void handOff(SessionId freshSession) {
    session = freshSession;
    startsFresh();
    agents.arriving(true);
  }

  void resolved(ResolvedAgent resolvedAgent) {
    agents.resolved(0, resolvedAgent);
    agent = resolvedAgent;
    session = session == null ? resolvedAgent.session() : session;
  }

  /** The run works in this worktree of its own from now on. */
  void worksIn(Worktree made) {
    agent = agent.in(made);
  }

  /** Counts an invocation; false if it is one that was counted already and then not made. */
  boolean invoked() {
    movedFrom = null;
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
    contextTokens = facts.contextTokens() == null ? contextTokens : facts.contextTokens();
    worked = facts.progressed() ? agents.visit() : worked;
    fruitless = 0;
    if (facts.session() != null) {
      // A session that was ended before it had the message still has to be told it.
      boolean untold = Boolean.FALSE.equals(facts.taken());
      told = untold ? told : turn;
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
      boolean taken = Boolean.TRUE.equals(facts.taken());
      told = taken ? turn : told;
      opened(facts.session(), taken ? resumeMessage : message);
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
    told = taken || doubtful ? turn : told;
    worked = taken || doubtful || invocation.progressed() ? agents.visit() : worked;
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
    worked = 0;
    agents.movedTo(agents.current(), there);
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
    told = 0;
    contextTokens = null;
    apart = true;
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
    agents.arriving(handedOff);
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

  /** The incident that has not ended; empty if there is none. */
  Optional<Incident> openIncident() {
    return Optional.ofNullable(incidents.peekLast()).filter(last -> last.end() == null);
  }

  /** The newest incident; there has to be one. */
  Incident lastIncident() {
    return incidents.getLast();
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

  /**
   * When the wait that goes on in the next history was expected to end by itself; null if nobody
   * has moved it.
   */
  Instant movedFrom() {
    return movedFrom;
  }

  void movedFrom(Instant until) {
    movedFrom = until;
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

  /** All agents that the run may use. */
  RunAgents agents() {
    return agents;
  }

  /** How large the session's context was when that was last known; null if it never was. */
  Long contextTokens() {
    return contextTokens;
  }

  /** Whether the session is another one than the run was to begin with. */
  boolean apart() {
    return apart;
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
