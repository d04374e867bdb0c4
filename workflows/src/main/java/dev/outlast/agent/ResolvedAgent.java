package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import dev.outlast.limit.ResumePolicy;
import java.util.Objects;

/**
 * An {@link AgentSelection} as one worker understood it. It is taken once, at the start of a run,
 * so that a later change of the worker's configuration does not change a run in flight.
 *
 * @param agent the agent's name
 * @param provider the kind of agent, for example {@code claude}
 * @param account whose allowance is used
 * @param model the model, or null for the agent's own default
 * @param workspace the absolute, real path of the folder that the agent works in
 * @param session the session to go on with, or the id chosen for the fresh one; null where only the
 *     agent itself can name it
 * @param resumeMessage what is said to the session after a usage limit or a crash
 * @param policy when to resume, from the worker's configuration
 * @param host the host whose files the session needs
 * @param taskQueue the task queue on which that host takes invocations
 * @param searchAttributes whether the namespace knows Outlast's search attributes; without them a
 *     run goes on and shows its state in its details only
 * @param hostPolicy what to do when the session cannot simply go on here, from the worker's
 *     configuration
 * @param worktree the run's own worktree, in which the workspace then is; null if it has none, or
 *     none yet
 * @param accountPolicy what to do about money and the session's size, from the worker's
 *     configuration
 * @param sessionsAt names the place in which the agent's program keeps its sessions: agents of one
 *     place can go on with each other's. Null if that is not known
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record ResolvedAgent(
    String agent,
    String provider,
    String account,
    String model,
    String workspace,
    SessionId session,
    String resumeMessage,
    ResumePolicy policy,
    String host,
    String taskQueue,
    boolean searchAttributes,
    HostPolicy hostPolicy,
    Worktree worktree,
    AccountPolicy accountPolicy,
    String sessionsAt) {

  public ResolvedAgent {
    Objects.requireNonNull(agent, "agent");
    Objects.requireNonNull(provider, "provider");
    Objects.requireNonNull(account, "account");
    Objects.requireNonNull(resumeMessage, "resumeMessage");
    Objects.requireNonNull(policy, "policy");
    hostPolicy = hostPolicy == null ? HostPolicy.DEFAULT : hostPolicy;
    accountPolicy = accountPolicy == null ? AccountPolicy.DEFAULT : accountPolicy;
  }

  /** The same agent in a worktree that was made for the run. */
  public ResolvedAgent in(Worktree made) {
    return new ResolvedAgent(
        agent,
        provider,
        account,
        model,
        made.workspace(),
        session,
        resumeMessage,
        policy,
        host,
        taskQueue,
        searchAttributes,
        hostPolicy,
        made,
        accountPolicy,
        sessionsAt);
  }
}
