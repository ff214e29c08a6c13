/* The JSON Schema, compiled in. schema_text.h is made from actpass.schema.json by embed_schema.py.
 */
#include "config/config.h"
#include "config/schema_text.h"

const char *config_schema(void)
{
    return schema_text;
}
