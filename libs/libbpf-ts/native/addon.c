/* SPDX-License-Identifier: Apache-2.0 */
/* The table of what JavaScript can call. */
#include "addon.h"

static const struct {
	const char *name;
	napi_callback function;
} exported[] = {
	{"handleClose", handle_close},
	{"handleIsOpen", handle_is_open},
	{"takeLog", take_log},
	{"objectOpen", object_open},
	{"objectName", object_name},
	{"objectBtf", object_btf},
	{"objectMaps", object_maps},
	{"objectPrograms", object_programs},
	{"objectConfigureMap", object_configure_map},
	{"objectReuseMap", object_reuse_map},
	{"objectSetAutoload", object_set_autoload},
	{"objectSetInitial", object_set_initial},
	{"objectLoad", object_load},
	{"objectMap", object_map},
	{"objectProgram", object_program},
	{"mapCreate", map_create},
	{"mapLookup", map_lookup},
	{"mapUpdate", map_update},
	{"mapDelete", map_delete},
	{"mapLookupAndDelete", map_lookup_and_delete},
	{"mapNextKey", map_next_key},
	{"mapSetInner", map_set_inner},
	{"mapSetInnerAsync", map_set_inner_async},
	{"mapFreeze", map_freeze},
	{"mapLookupBatch", map_lookup_batch},
	{"mapUpdateBatch", map_update_batch},
	{"mapDeleteBatch", map_delete_batch},
	{"mapMemory", map_memory},
	{"mappingOpen", mapping_open},
	{"mappingRead", mapping_read},
	{"mappingWrite", mapping_write},
	{"ringOpen", ring_open},
	{"ringDrain", ring_drain},
	{"ringDrainVariable", ring_drain_variable},
	{"ringState", ring_state},
	{"linkTcx", link_tcx},
	{"linkCreate", link_create},
	{"linkRawTracepoint", link_raw_tracepoint},
	{"linkIterator", link_iterator},
	{"linkPerf", link_perf},
	{"tracepointId", tracepoint_id},
	{"linkUpdate", link_update},
	{"linkDetach", link_detach},
	{"iteratorOpen", iterator_open},
	{"iteratorRead", iterator_read},
	{"iteratorReadAsync", iterator_read_async},
	{"clsactAttach", clsact_attach},
	{"clsactDetach", clsact_detach},
	{"clsactQuery", clsact_query},
	{"pin", object_pin},
	{"unpin", object_unpin},
	{"getPinned", object_get_pinned},
	{"getById", object_get_by_id},
	{"mapInfo", map_info},
	{"programInfo", program_info},
	{"linkInfo", link_info},
	{"btfRead", btf_read},
	{"btfById", btf_by_id},
	{"interfaceIndex", interface_index},
	{"interfaceList", interface_list},
	{"possibleCpus", possible_cpus},
	{"testRun", test_run},
	{"probeProgram", probe_program},
	{"probeMap", probe_map},
	{"probeHelper", probe_helper},
	{"probeTcx", probe_tcx},
};

NAPI_MODULE_INIT()
{
	log_capture();
	for (size_t i = 0; i < sizeof(exported) / sizeof(exported[0]); i++) {
		napi_value function;

		if (napi_create_function(env, exported[i].name, NAPI_AUTO_LENGTH, exported[i].function, NULL,
					 &function) != napi_ok ||
		    napi_set_named_property(env, exports, exported[i].name, function) != napi_ok)
			return NULL;
	}
	return exports;
}
