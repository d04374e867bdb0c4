package dev.outlast.activities;

import java.util.List;
import java.util.Objects;

/**
 * An agent as configured on a worker, under a name. Immutable. Most of its options are rarely set;
 * {@link #newBuilder} has a default for each.
 *
 * @param name what runs call it
 * @param provider the kind of agent, one of the names in {@link
 *     dev.outlast.activities.provider.Providers}
 * @param command the executable and the arguments that always come first, at least one element
 * @param model the model to ask for; null for the agent's own default
 * @param permissionMode how the agent treats tools that need permission, in the words of its own
 *     command line; null for the agent's own default
 * @param sandbox what the agent's tools may reach, in the words of its own command line; null for
 *     the agent's own default
 * @param args more arguments. For the provider {@code command} this is the whole argument template
 * @param env the names of the environment variables that the agent inherits from the worker; a name
 *     may end in {@code *}
 * @param account the account that the agent uses unless a run names another
 * @param output how the provider {@code command} reads standard output: {@code json} (a JSON object
 *     a line) or {@code text}
 * @param patterns regular expressions for limit texts of this agent, with the optional named groups
 *     {@code reset} and {@code scope}
 * @param resumeMessage what is said to a session after a limit; null for the worker's message
 */
public record AgentDefinition(
    String name,
    String provider,
    List<String> command,
    String model,
    String permissionMode,
    String sandbox,
    List<String> args,
    List<String> env,
    String account,
    Output output,
    List<String> patterns,
    String resumeMessage) {

  /** The account of an agent for which none is configured. */
  public static final String DEFAULT_ACCOUNT = "default";

  /** How the provider {@code command} reads standard output. */
  public enum Output {
    JSON,
    TEXT
  }

  public AgentDefinition {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(provider, "provider");
    command = List.copyOf(command);
    args = List.copyOf(args);
    env = List.copyOf(env);
    patterns = List.copyOf(patterns);
    account = Objects.requireNonNullElse(account, DEFAULT_ACCOUNT);
    output = Objects.requireNonNullElse(output, Output.TEXT);
    if (command.isEmpty()) {
      throw new IllegalArgumentException("agents." + name + ".command: empty");
    }
  }

  /** The arguments that always come first: {@link #command()} without the executable. */
  public List<String> leadingArguments() {
    return command.subList(1, command.size());
  }

  /**
   * A builder of an agent whose command is the provider's name alone, whose lists are empty, and
   * which leaves the rest to the defaults.
   *
   * @param name what runs call the agent
   * @param provider the kind of agent, one of the names in {@link
   *     dev.outlast.activities.provider.Providers}
   */
  public static Builder newBuilder(String name, String provider) {
    return new Builder(name, provider);
  }

  /** A builder with this agent's values. */
  public Builder toBuilder() {
    Builder copy = new Builder(name, provider);
    copy.command = command;
    copy.model = model;
    copy.permissionMode = permissionMode;
    copy.sandbox = sandbox;
    copy.args = args;
    copy.env = env;
    copy.account = account;
    copy.output = output;
    copy.patterns = patterns;
    copy.resumeMessage = resumeMessage;
    return copy;
  }

  /** Builds an agent; not thread-safe. */
  public static final class Builder {

    private final String name;
    private final String provider;
    private List<String> command;
    private String model;
    private String permissionMode;
    private String sandbox;
    private List<String> args = List.of();
    private List<String> env = List.of();
    private String account;
    private Output output;
    private List<String> patterns = List.of();
    private String resumeMessage;

    private Builder(String name, String provider) {
      this.name = Objects.requireNonNull(name, "name");
      this.provider = Objects.requireNonNull(provider, "provider");
      this.command = List.of(provider);
    }

    /** Key {@code command}: the executable and the arguments that always come first. */
    public Builder setCommand(List<String> value) {
      command = List.copyOf(value);
      return this;
    }

    /** Key {@code model}. Null for the agent's own default. */
    public Builder setModel(String value) {
      model = value;
      return this;
    }

    /** Key {@code permission-mode}. Null for the agent's own default. */
    public Builder setPermissionMode(String value) {
      permissionMode = value;
      return this;
    }

    /** Key {@code sandbox}. Null for the agent's own default. */
    public Builder setSandbox(String value) {
      sandbox = value;
      return this;
    }

    /** Key {@code args}. */
    public Builder setArgs(List<String> value) {
      args = List.copyOf(value);
      return this;
    }

    /**
     * Key {@code env}: the names of the variables that the agent inherits. None unless set; what an
     * agent that is read from a file inherits by default depends on its provider.
     */
    public Builder setEnv(List<String> value) {
      env = List.copyOf(value);
      return this;
    }

    /** Key {@code account}. Null for {@value AgentDefinition#DEFAULT_ACCOUNT}. */
    public Builder setAccount(String value) {
      account = value;
      return this;
    }

    /** Key {@code output}. Null for {@link Output#TEXT}. */
    public Builder setOutput(Output value) {
      output = value;
      return this;
    }

    /** Key {@code patterns}. */
    public Builder setPatterns(List<String> value) {
      patterns = List.copyOf(value);
      return this;
    }

    /** Key {@code resume-message}. Null for the worker's message. */
    public Builder setResumeMessage(String value) {
      resumeMessage = value;
      return this;
    }

    /**
     * @throws IllegalArgumentException if the command is empty; whether the provider can work with
     *     the rest is checked where the agent is put to use
     */
    public AgentDefinition build() {
      return new AgentDefinition(
          name,
          provider,
          command,
          model,
          permissionMode,
          sandbox,
          args,
          env,
          account,
          output,
          patterns,
          resumeMessage);
    }
  }
}
