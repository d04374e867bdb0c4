package dev.outlast.run;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.outlast.agent.Budget;
import dev.outlast.agent.HostPolicy;
import dev.outlast.agent.OverageUse;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.ResumeWith;
import dev.outlast.agent.SessionId;
import dev.outlast.limit.ResumePolicy;
import dev.outlast.limit.RunPriority;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What to run. On the wire one JSON object in which everything but {@code prompt} may be left out.
 *
 * <p>Java programs use {@link #newBuilder()}, which refuses wrong values at once. A request that
 * comes as JSON is never refused while it is read, since that would block the run's workflow task
 * for ever; {@link #problems()} then names what is wrong, and the run fails at once with it.
 *
 * @param prompt the task; at most {@value #MAX_PROMPT_BYTES} bytes of UTF-8
 * @param agent the agent's name in the worker's configuration; null for the worker's default
 * @param account whose allowance to use; null for the agent's own
 * @param workspace the folder to work in; null for the worker's default
 * @param model the model; null for the agent's own
 * @param session an existing session to go on with; null for a fresh one
 * @param continueLast go on with the last session of the workspace
 * @param onLimit what to do at a usage limit
 * @param onCredit what to do when credit is used up, or the plan lacks what is asked for, and
 *     nothing says that this ever ends; null for the worker's setting
 * @param resumeMessage what to say after a limit; null for the agent's own message
 * @param maxAttempts how often to resume after a limit, 0 for no bound; null for the worker's
 *     setting
 * @param maxWait the longest single wait; null for the worker's setting
 * @param maxTotalWait the longest wait of the whole run; null for the worker's setting
 * @param invocationTimeout after this the agent is ended and the session resumed
 * @param silenceTimeout after this long without output the agent is ended and the session resumed
 * @param worktree give the run a git worktree of its own, made from the workspace's repository
 * @param onBusy what to do when the workspace or session is another run's; null for the worker's
 *     setting
 * @param onContinued what to do when somebody else has gone on with the session; null for the
 *     worker's setting
 * @param onHostLost what to do when the host is gone; null for the worker's setting
 * @param hostGrace how long a host may take to take an invocation before it is asked whether it is
 *     there, {@link HostPolicy#MIN_HOST_GRACE} at least; null for the worker's setting
 * @param agents the agents that the run may use, the preferred one first, in place of {@code
 *     agent}, {@code account} and {@code model}; empty for that one
 * @param overage whether paid use beyond the allowance is used; null for the worker's setting
 * @param budget what the run may use before it pauses and asks; null for no bound
 * @param priority the run's place among those that want the same account, from {@value
 *     RunPriority#HIGHEST} (first) to {@value RunPriority#LOWEST}; null for the default
 * @param fairnessKey whose runs take turns with others' where the server has fairness; null for the
 *     account
 * @param startAt when the agent is first invoked: an instant, or {@value #NEXT_RESET}; null for at
 *     once
 * @param resumeWith how the run goes on after a limit; null for the worker's setting
 * @param label a name for people, shown in lists
 * @param carriedOver the run's state so far; set only by the run itself when its history has grown
 *     long and it goes on in a new one
 * @param problems what is wrong with the JSON that this was read from; empty if nothing is
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record AgentRunRequest(
    String prompt,
    String agent,
    String account,
    String workspace,
    String model,
    SessionId session,
    boolean continueLast,
    OnLimit onLimit,
    ResumePolicy.OnCredit onCredit,
    String resumeMessage,
    Integer maxAttempts,
    Duration maxWait,
    Duration maxTotalWait,
    Duration invocationTimeout,
    Duration silenceTimeout,
    @JsonInclude(JsonInclude.Include.NON_DEFAULT) boolean worktree,
    HostPolicy.OnBusy onBusy,
    HostPolicy.OnContinued onContinued,
    HostPolicy.OnHostLost onHostLost,
    Duration hostGrace,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) List<AgentChoice> agents,
    OverageUse overage,
    Budget budget,
    Integer priority,
    String fairnessKey,
    String startAt,
    ResumeWith resumeWith,
    String label,
    RunState carriedOver,
    @JsonIgnore List<String> problems) {

  /** The longest prompt, in bytes of UTF-8: 256 KiB. */
  public static final int MAX_PROMPT_BYTES = 256 * 1024;

  /** The longest fairness key, in characters: what Temporal takes. */
  public static final int MAX_FAIRNESS_KEY = 64;

  /** The longest label, in characters. */
  public static final int MAX_LABEL = 80;

  /** The longest name of an agent, account or model, in characters. */
  public static final int MAX_NAME = 100;

  /** {@link #startAt} of a run that begins with the account's next window. */
  public static final String NEXT_RESET = "next-reset";

  public static final Duration DEFAULT_INVOCATION_TIMEOUT = Duration.ofHours(24);
  public static final Duration DEFAULT_SILENCE_TIMEOUT = Duration.ofHours(1);

  /** What to do at a usage limit. */
  public enum OnLimit {
    /** Wait for the reset and resume the session. */
    @JsonProperty("wait")
    WAIT,
    /** Go on with the next agent of the list whose account is open. */
    @JsonProperty("failover")
    FAILOVER,
    /** Fail the run; the session id is in the failure's details. */
    @JsonProperty("stop")
    STOP
  }

  public AgentRunRequest {
    onLimit = Objects.requireNonNullElse(onLimit, OnLimit.WAIT);
    invocationTimeout = Objects.requireNonNullElse(invocationTimeout, DEFAULT_INVOCATION_TIMEOUT);
    silenceTimeout = Objects.requireNonNullElse(silenceTimeout, DEFAULT_SILENCE_TIMEOUT);
    agents = agents == null ? List.of() : List.copyOf(agents);
    problems = problems == null ? List.of() : List.copyOf(problems);
  }

  public static Builder newBuilder() {
    return new Builder();
  }

  /** For a run that was started without any input. */
  static AgentRunRequest missing() {
    return unreadable("nothing");
  }

  /** A builder with this request's values. */
  public Builder toBuilder() {
    Builder copy = new Builder();
    copy.prompt = prompt;
    copy.agent = agent;
    copy.account = account;
    copy.workspace = workspace;
    copy.model = model;
    copy.session = session;
    copy.continueLast = continueLast;
    copy.onLimit = onLimit;
    copy.onCredit = onCredit;
    copy.resumeMessage = resumeMessage;
    copy.maxAttempts = maxAttempts;
    copy.maxWait = maxWait;
    copy.maxTotalWait = maxTotalWait;
    copy.invocationTimeout = invocationTimeout;
    copy.silenceTimeout = silenceTimeout;
    copy.worktree = worktree;
    copy.onBusy = onBusy;
    copy.onContinued = onContinued;
    copy.onHostLost = onHostLost;
    copy.hostGrace = hostGrace;
    copy.agents = agents;
    copy.overage = overage;
    copy.budget = budget;
    copy.priority = priority;
    copy.fairnessKey = fairnessKey;
    copy.startAt = startAt;
    copy.resumeWith = resumeWith;
    copy.label = label;
    copy.carriedOver = carriedOver;
    return copy;
  }

  /** The agents that the run may use, the preferred one first; one at least. */
  List<AgentChoice> choices() {
    return agents.isEmpty() ? List.of(new AgentChoice(agent, account, model)) : agents;
  }

  /** Whether the run begins with a session that is there already. */
  boolean goesOn() {
    return session != null || continueLast;
  }

  /** What the worker says of hosts and of other runs, with this request before it. */
  HostPolicy over(HostPolicy configured) {
    return configured.overriddenBy(onBusy, onContinued, onHostLost, hostGrace);
  }

  /** What the worker says of when to resume, with this request before it. */
  ResumePolicy over(ResumePolicy configured) {
    return configured.overriddenBy(maxAttempts, maxWait, maxTotalWait, onCredit);
  }

  /** What an agent of the run is told when its session is gone on with. */
  String resumeMessageOf(ResolvedAgent agent) {
    return resumeMessage == null ? agent.resumeMessage() : resumeMessage;
  }

  /** The moment before which the agent is not invoked; empty for at once. */
  Optional<Instant> start() {
    return startAt == null || startAt.equals(NEXT_RESET)
        ? Optional.empty()
        : Optional.of(Instant.parse(startAt.strip()));
  }

  /** This request for the run's next history; the state has the prompt where it is still needed. */
  AgentRunRequest carrying(RunState state) {
    Builder copy = toBuilder();
    copy.prompt = null;
    copy.carriedOver = state;
    return copy.unchecked();
  }

  /** This request without a state that somebody else than the run itself has put there. */
  AgentRunRequest refusingState() {
    Builder copy = toBuilder();
    copy.carriedOver = null;
    copy.problems.addAll(problems);
    copy.problems.add("carriedOver: set by the run itself only; leave the field out");
    return copy.unchecked();
  }

  @JsonCreator(mode = JsonCreator.Mode.PROPERTIES)
  static AgentRunRequest fromJson(
      @JsonProperty("prompt") Object prompt,
      @JsonProperty("agent") Object agent,
      @JsonProperty("account") Object account,
      @JsonProperty("workspace") Object workspace,
      @JsonProperty("model") Object model,
      @JsonProperty("session") Object session,
      @JsonProperty("continueLast") Object continueLast,
      @JsonProperty("onLimit") Object onLimit,
      @JsonProperty("onCredit") Object onCredit,
      @JsonProperty("resumeMessage") Object resumeMessage,
      @JsonProperty("maxAttempts") Object maxAttempts,
      @JsonProperty("maxWait") Object maxWait,
      @JsonProperty("maxTotalWait") Object maxTotalWait,
      @JsonProperty("invocationTimeout") Object invocationTimeout,
      @JsonProperty("silenceTimeout") Object silenceTimeout,
      @JsonProperty("worktree") Object worktree,
      @JsonProperty("onBusy") Object onBusy,
      @JsonProperty("onContinued") Object onContinued,
      @JsonProperty("onHostLost") Object onHostLost,
      @JsonProperty("hostGrace") Object hostGrace,
      @JsonProperty("label") Object label,
      @JsonProperty("carriedOver") Object carriedOver,
      @JsonProperty("agents") Object agents,
      @JsonProperty("overage") Object overage,
      @JsonProperty("budget") Object budget,
      @JsonProperty("priority") Object priority,
      @JsonProperty("fairnessKey") Object fairnessKey,
      @JsonProperty("startAt") Object startAt,
      @JsonProperty("resumeWith") Object resumeWith,
      @JsonProperty("approvals") Object approvals,
      @JsonProperty("trust") Object trust,
      @JsonProperty("notify") Object notify,
      @JsonProperty("labels") Object labels) {
    RequestReader reader = new RequestReader();
    Builder read = new Builder();
    read.prompt = reader.text("prompt", prompt);
    read.agent = reader.text("agent", agent);
    read.account = reader.text("account", account);
    read.workspace = reader.text("workspace", workspace);
    read.model = reader.text("model", model);
    read.session = reader.session("session", session);
    read.continueLast = reader.flag("continueLast", continueLast);
    read.onLimit = reader.word("onLimit", onLimit, OnLimit.class);
    read.onCredit = reader.onCredit("onCredit", onCredit);
    read.resumeMessage = reader.text("resumeMessage", resumeMessage);
    read.maxAttempts = reader.count("maxAttempts", maxAttempts);
    read.maxWait = reader.duration("maxWait", maxWait);
    read.maxTotalWait = reader.duration("maxTotalWait", maxTotalWait);
    read.invocationTimeout = reader.duration("invocationTimeout", invocationTimeout);
    read.silenceTimeout = reader.duration("silenceTimeout", silenceTimeout);
    read.worktree = reader.flag("worktree", worktree);
    read.onBusy = reader.word("onBusy", onBusy, HostPolicy.OnBusy.class);
    read.onContinued = reader.word("onContinued", onContinued, HostPolicy.OnContinued.class);
    read.onHostLost = reader.word("onHostLost", onHostLost, HostPolicy.OnHostLost.class);
    read.hostGrace = reader.duration("hostGrace", hostGrace);
    read.agents = reader.choices("agents", agents);
    read.overage = reader.word("overage", overage, OverageUse.class);
    read.budget = reader.budget("budget", budget);
    read.priority = reader.count("priority", priority);
    read.fairnessKey = reader.text("fairnessKey", fairnessKey);
    read.startAt = reader.text("startAt", startAt);
    read.resumeWith = reader.word("resumeWith", resumeWith, ResumeWith.class);
    read.label = reader.text("label", label);
    read.carriedOver = reader.state("carriedOver", carriedOver);
    // Asking for one of these and not getting it could cost money or do harm; so it is refused.
    reader.notYet("approvals", "auto".equals(approvals) ? null : approvals);
    reader.notYet("trust", Boolean.FALSE.equals(trust) ? null : trust);
    reader.notYet("notify", notify);
    reader.notYet("labels", labels);
    read.problems.addAll(reader.problems());
    return read.unchecked();
  }

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static AgentRunRequest fromJson(String text) {
    return unreadable("a text");
  }

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static AgentRunRequest fromJson(List<Object> list) {
    return unreadable("a list");
  }

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static AgentRunRequest fromJson(int number) {
    return unreadable("a number");
  }

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static AgentRunRequest fromJson(long number) {
    return unreadable("a number");
  }

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static AgentRunRequest fromJson(double number) {
    return unreadable("a number");
  }

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static AgentRunRequest fromJson(boolean flag) {
    return unreadable("true or false");
  }

  private static AgentRunRequest unreadable(String what) {
    Builder none = new Builder();
    none.problems.add("input: got " + what + "; expected an object such as {\"prompt\": \"…\"}");
    return none.unchecked();
  }

  /** Builds a request; not thread-safe. */
  public static final class Builder {

    private final List<String> problems = new ArrayList<>();
    private String prompt;
    private String agent;
    private String account;
    private String workspace;
    private String model;
    private SessionId session;
    private boolean continueLast;
    private OnLimit onLimit;
    private ResumePolicy.OnCredit onCredit;
    private String resumeMessage;
    private Integer maxAttempts;
    private Duration maxWait;
    private Duration maxTotalWait;
    private Duration invocationTimeout;
    private Duration silenceTimeout;
    private boolean worktree;
    private HostPolicy.OnBusy onBusy;
    private HostPolicy.OnContinued onContinued;
    private HostPolicy.OnHostLost onHostLost;
    private Duration hostGrace;
    private List<AgentChoice> agents = List.of();
    private OverageUse overage;
    private Budget budget;
    private Integer priority;
    private String fairnessKey;
    private String startAt;
    private ResumeWith resumeWith;
    private String label;
    private RunState carriedOver;

    private Builder() {}

    public Builder setPrompt(String value) {
      prompt = value;
      return this;
    }

    public Builder setAgent(String value) {
      agent = value;
      return this;
    }

    public Builder setAccount(String value) {
      account = value;
      return this;
    }

    public Builder setWorkspace(String value) {
      workspace = value;
      return this;
    }

    public Builder setModel(String value) {
      model = value;
      return this;
    }

    public Builder setSession(SessionId value) {
      session = value;
      return this;
    }

    public Builder setContinueLast(boolean value) {
      continueLast = value;
      return this;
    }

    public Builder setOnLimit(OnLimit value) {
      onLimit = value;
      return this;
    }

    public Builder setOnCredit(ResumePolicy.OnCredit value) {
      onCredit = value;
      return this;
    }

    public Builder setResumeMessage(String value) {
      resumeMessage = value;
      return this;
    }

    public Builder setMaxAttempts(Integer value) {
      maxAttempts = value;
      return this;
    }

    public Builder setMaxWait(Duration value) {
      maxWait = value;
      return this;
    }

    public Builder setMaxTotalWait(Duration value) {
      maxTotalWait = value;
      return this;
    }

    public Builder setInvocationTimeout(Duration value) {
      invocationTimeout = value;
      return this;
    }

    public Builder setSilenceTimeout(Duration value) {
      silenceTimeout = value;
      return this;
    }

    public Builder setWorktree(boolean value) {
      worktree = value;
      return this;
    }

    public Builder setOnBusy(HostPolicy.OnBusy value) {
      onBusy = value;
      return this;
    }

    public Builder setOnContinued(HostPolicy.OnContinued value) {
      onContinued = value;
      return this;
    }

    public Builder setOnHostLost(HostPolicy.OnHostLost value) {
      onHostLost = value;
      return this;
    }

    public Builder setHostGrace(Duration value) {
      hostGrace = value;
      return this;
    }

    public Builder setAgents(List<AgentChoice> value) {
      agents = value == null ? List.of() : value;
      return this;
    }

    public Builder setOverage(OverageUse value) {
      overage = value;
      return this;
    }

    public Builder setBudget(Budget value) {
      budget = value;
      return this;
    }

    public Builder setPriority(Integer value) {
      priority = value;
      return this;
    }

    public Builder setFairnessKey(String value) {
      fairnessKey = value;
      return this;
    }

    /**
     * @param value an instant such as {@code 2026-11-21T15:00:00Z}, or {@value
     *     AgentRunRequest#NEXT_RESET}
     */
    public Builder setStartAt(String value) {
      startAt = value;
      return this;
    }

    public Builder setResumeWith(ResumeWith value) {
      resumeWith = value;
      return this;
    }

    public Builder setLabel(String value) {
      label = value;
      return this;
    }

    /**
     * @throws IllegalArgumentException if anything is wrong; the message names each field, its
     *     value and what is allowed
     */
    public AgentRunRequest build() {
      AgentRunRequest request = unchecked();
      if (!request.problems().isEmpty()) {
        throw new IllegalArgumentException(String.join("; ", request.problems()));
      }
      return request;
    }

    private AgentRunRequest unchecked() {
      List<String> found = new ArrayList<>(problems);
      boolean told =
          found.stream().anyMatch(p -> p.startsWith("input:") || p.startsWith("prompt:"));
      if (!told && carriedOver == null) {
        RequestReader.checkPrompt("prompt", prompt).ifPresent(found::add);
      }
      RequestReader.checkName("agent", agent, MAX_NAME).ifPresent(found::add);
      RequestReader.checkName("account", account, MAX_NAME).ifPresent(found::add);
      RequestReader.checkName("model", model, MAX_NAME).ifPresent(found::add);
      RequestReader.checkName("label", label, MAX_LABEL).ifPresent(found::add);
      RequestReader.checkText("workspace", workspace).ifPresent(found::add);
      RequestReader.checkText("resumeMessage", resumeMessage).ifPresent(found::add);
      RequestReader.checkCount("maxAttempts", maxAttempts).ifPresent(found::add);
      RequestReader.checkPositive("maxWait", maxWait).ifPresent(found::add);
      RequestReader.checkPositive("maxTotalWait", maxTotalWait).ifPresent(found::add);
      RequestReader.checkPositive("invocationTimeout", invocationTimeout).ifPresent(found::add);
      RequestReader.checkPositive("silenceTimeout", silenceTimeout).ifPresent(found::add);
      RequestReader.checkGrace("hostGrace", hostGrace).ifPresent(found::add);
      RequestReader.checkChoices(agents, agent != null || account != null || model != null)
          .forEach(found::add);
      RequestReader.checkBudget("budget", budget).forEach(found::add);
      RequestReader.checkPriority("priority", priority).ifPresent(found::add);
      RequestReader.checkName("fairnessKey", fairnessKey, MAX_FAIRNESS_KEY).ifPresent(found::add);
      RequestReader.checkStart("startAt", startAt).ifPresent(found::add);
      if (onLimit == OnLimit.FAILOVER && agents.size() < 2) {
        found.add("onLimit: failover needs agents, a list of at least two");
      }
      if (session != null && continueLast) {
        found.add("session, continueLast: give one of them, not both");
      }
      return new AgentRunRequest(
          prompt,
          agent,
          account,
          workspace,
          model,
          session,
          continueLast,
          onLimit,
          onCredit,
          resumeMessage,
          maxAttempts,
          maxWait,
          maxTotalWait,
          invocationTimeout,
          silenceTimeout,
          worktree,
          onBusy,
          onContinued,
          onHostLost,
          hostGrace,
          agents,
          overage,
          budget,
          priority,
          fairnessKey,
          startAt,
          resumeWith,
          label,
          carriedOver,
          found);
    }
  }
}
