export { abortable, abortReason as reasonOf, deadline, throwIfAborted } from "@ob/core";
