/** Requests and results of services as they travel. */

export interface RequestRecord {
  readonly 'oort.service.id': number;
  /** URL of the requester. */
  readonly 'oort.service.url': string;
  readonly 'oort.service.parameter': unknown;
}

export interface ResultRecord {
  readonly 'oort.service.id': number;
  /** URL of the responder. */
  readonly 'oort.service.url': string;
  readonly 'oort.service.result': boolean;
  readonly 'oort.service.data': unknown;
}

/** What arrived, or null when it is no request. */
export function readRequest(data: unknown): RequestRecord | null {
  const fields = headOf(data);
  return fields && { ...fields, 'oort.service.parameter': (data as Partial<RequestRecord>)['oort.service.parameter'] };
}

/** What arrived, or null when it is no result. */
export function readResult(data: unknown): ResultRecord | null {
  const fields = headOf(data);
  if (!fields) return null;
  const { 'oort.service.result': result, 'oort.service.data': value } = data as Partial<ResultRecord>;
  if (typeof result !== 'boolean') return null;
  return { ...fields, 'oort.service.result': result, 'oort.service.data': value };
}

function headOf(data: unknown): Pick<RequestRecord, 'oort.service.id' | 'oort.service.url'> | null {
  if (typeof data !== 'object' || data === null) return null;
  const { 'oort.service.id': id, 'oort.service.url': url } = data as Partial<RequestRecord>;
  if (typeof url !== 'string' || !Number.isSafeInteger(id)) return null;
  return { 'oort.service.id': id as number, 'oort.service.url': url };
}
