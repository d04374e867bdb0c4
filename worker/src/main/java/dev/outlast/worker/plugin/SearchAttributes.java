package dev.outlast.worker.plugin;

import dev.outlast.operator.Names;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.api.enums.v1.IndexedValueType;
import io.temporal.api.operatorservice.v1.AddSearchAttributesRequest;
import io.temporal.api.operatorservice.v1.ListSearchAttributesRequest;
import io.temporal.api.operatorservice.v1.OperatorServiceGrpc;
import io.temporal.client.WorkflowClient;
import io.temporal.common.SearchAttributeKey;
import io.temporal.serviceclient.OperatorServiceStubs;
import io.temporal.serviceclient.OperatorServiceStubsOptions;
import io.temporal.serviceclient.WorkflowServiceStubs;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Registers Outlast's search attributes with the namespace, where the server lets us. Without them
 * runs work all the same; they can only not be searched for by state. Thread-safe.
 */
public final class SearchAttributes {

  private static final Logger log = LoggerFactory.getLogger(SearchAttributes.class);
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  private static final List<SearchAttributeKey<?>> KEYS =
      List.of(
          Names.AGENT_STATE,
          Names.AGENT_PROVIDER,
          Names.AGENT_ACCOUNT,
          Names.AGENT_SESSION,
          Names.AGENT_RESUME_AT,
          Names.AGENT_LIMIT_HITS,
          Names.AGENT_PRIORITY,
          Names.AGENT_WAITING_SINCE);

  private volatile boolean known;

  SearchAttributes() {}

  /** The names and types that the namespace has to know, in the words of the Temporal CLI. */
  public static Map<String, String> wanted() {
    Map<String, String> wanted = new LinkedHashMap<>();
    for (SearchAttributeKey<?> key : KEYS) {
      wanted.put(key.getName(), word(key.getValueType()));
    }
    return wanted;
  }

  /** Whether the namespace knows all of them. */
  boolean known() {
    return known;
  }

  /** Registers what is missing. Never throws for what the server answers; logs why not. */
  void register(WorkflowClient client) {
    Optional<String> obstacle = obstacle(client, true);
    known = obstacle.isEmpty();
    obstacle.ifPresent(
        why ->
            log.warn(
                "Search attributes are not available, so runs cannot be listed by their state: {}."
                    + " Runs work all the same.",
                why));
  }

  /**
   * What keeps the namespace from knowing all search attributes; empty if nothing does.
   *
   * @param register whether to register those that are missing
   */
  public static Optional<String> obstacle(WorkflowClient client, boolean register) {
    WorkflowServiceStubs stubs = client.getWorkflowServiceStubs();
    OperatorServiceStubs operator =
        OperatorServiceStubs.newServiceStubs(
            OperatorServiceStubsOptions.newBuilder()
                .setChannel(stubs.getRawChannel())
                .setGrpcMetadataProviders(stubs.getOptions().getGrpcMetadataProviders())
                .validateAndBuildWithDefaults());
    OperatorServiceGrpc.OperatorServiceBlockingStub service = operator.blockingStub();
    String namespace = client.getOptions().getNamespace();
    try {
      return missing(service, namespace, register);
    } catch (StatusRuntimeException e) {
      return Optional.of(remedy(namespace, List.copyOf(wanted().keySet()), e.getStatus()));
    } finally {
      operator.shutdown(); // the channel stays open: it is the client's
    }
  }

  private static Optional<String> missing(
      OperatorServiceGrpc.OperatorServiceBlockingStub service, String namespace, boolean register) {
    Optional<Map<String, IndexedValueType>> present = list(service, namespace);
    if (present.isEmpty() && !register) {
      return Optional.empty(); // nothing is known, so nothing is known to be wrong
    }
    List<String> missing = new ArrayList<>();
    for (SearchAttributeKey<?> key : KEYS) {
      IndexedValueType type = present.map(p -> p.get(key.getName())).orElse(null);
      if (type != null && type != key.getValueType()) {
        return Optional.of(
            key.getName()
                + " exists with the type "
                + word(type)
                + ", but "
                + word(key.getValueType())
                + " is needed; remove it from namespace "
                + namespace
                + " or use another namespace");
      }
      if (type == null && !(register && added(service, namespace, key))) {
        missing.add(key.getName());
      }
    }
    return missing.isEmpty()
        ? Optional.empty()
        : Optional.of(remedy(namespace, missing, Status.NOT_FOUND));
  }

  /** What the namespace knows; empty where the server does not tell (the in-memory server). */
  private static Optional<Map<String, IndexedValueType>> list(
      OperatorServiceGrpc.OperatorServiceBlockingStub service, String namespace) {
    try {
      return Optional.of(
          bounded(service)
              .listSearchAttributes(
                  ListSearchAttributesRequest.newBuilder().setNamespace(namespace).build())
              .getCustomAttributesMap());
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.UNIMPLEMENTED) {
        return Optional.empty();
      }
      throw e;
    }
  }

  private static boolean added(
      OperatorServiceGrpc.OperatorServiceBlockingStub service,
      String namespace,
      SearchAttributeKey<?> key) {
    try {
      bounded(service)
          .addSearchAttributes(
              AddSearchAttributesRequest.newBuilder()
                  .setNamespace(namespace)
                  .putSearchAttributes(key.getName(), key.getValueType())
                  .build());
      return true;
    } catch (StatusRuntimeException e) {
      // Two workers may start at the same time.
      if (e.getStatus().getCode() == Status.Code.ALREADY_EXISTS) {
        return true;
      }
      throw e;
    }
  }

  private static OperatorServiceGrpc.OperatorServiceBlockingStub bounded(
      OperatorServiceGrpc.OperatorServiceBlockingStub service) {
    return service.withDeadlineAfter(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
  }

  private static String remedy(String namespace, List<String> missing, Status status) {
    StringBuilder text = new StringBuilder();
    text.append(String.join(", ", missing)).append(" missing in namespace ").append(namespace);
    if (status.getCode() != Status.Code.NOT_FOUND) {
      text.append(" (the server says ").append(status.getCode());
      if (status.getDescription() != null) {
        text.append(": ").append(status.getDescription().replaceAll("\\p{Cntrl}", " "));
      }
      text.append(')');
    }
    text.append("; register with: temporal operator search-attribute create --namespace ")
        .append(namespace);
    for (String name : missing) {
      text.append(" --name ").append(name).append(" --type ").append(wanted().get(name));
    }
    return text.toString();
  }

  private static String word(IndexedValueType type) {
    switch (type) {
      case INDEXED_VALUE_TYPE_KEYWORD:
        return "Keyword";
      case INDEXED_VALUE_TYPE_INT:
        return "Int";
      case INDEXED_VALUE_TYPE_DATETIME:
        return "Datetime";
      case INDEXED_VALUE_TYPE_TEXT:
        return "Text";
      case INDEXED_VALUE_TYPE_DOUBLE:
        return "Double";
      case INDEXED_VALUE_TYPE_BOOL:
        return "Bool";
      case INDEXED_VALUE_TYPE_KEYWORD_LIST:
        return "KeywordList";
      default:
        return type.name();
    }
  }
}
